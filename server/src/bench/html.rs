//! The report as one file of HTML with its charts in it: no script, nothing fetched.

use std::fmt::{self, Display, Formatter};

use hdrhistogram::Histogram;

use super::bars::Bars;
use super::chart::{Chart, Scale, Series};
use super::lines::{RunLine, Setting};
use super::run::{BareKind, Run};
use super::slowest::Share;
use crate::latency::{Percentiles, micros};
use crate::out::grouped;

/// Points of a percentile curve for every halving of the distance to 100 %.
const TICKS_PER_HALF: u32 = 4;

const STYLE: &str = "
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
td, th { padding: .25rem .5rem; text-align: right; border-bottom: 1px solid #8884; }
td:first-child, th:first-child { text-align: left; }
svg { width: 100%; height: auto; }
svg text { font-size: 11px; fill: currentColor; }
.grid { stroke: #8883; }
.legend span { margin-right: 1rem; white-space: nowrap; }
.invalid { color: #d55e00; font-weight: bold; }
";

/// What is shown; displays as the whole page.
pub(super) struct Page<'a> {
    pub(super) setting: &'a Setting,
    pub(super) lines: &'a [RunLine<'a>],
    pub(super) runs: &'a [Run],
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">")?;
        writeln!(f, "<title>hotledger bench</title><style>{STYLE}</style>")?;
        writeln!(f, "<h1>hotledger bench</h1>")?;
        for line in self.setting.in_words().lines() {
            writeln!(f, "{}<br>", escaped(line))?;
        }
        self.table(f)?;
        writeln!(f, "<h2>Latency by percentile</h2>\n{}", self.percentiles())?;
        let rates = self.against_rate();
        if !rates.series[0].points.is_empty() {
            writeln!(f, "<h2>Latency against offered rate</h2>\n{rates}")?;
        }
        writeln!(f, "<h2>Where the time goes, on average</h2>\n{}", self.stages())?;
        writeln!(f, "<p>{}</p>", super::table::STAGES_NOTE)?;
        writeln!(f, "<h2>What made the slowest slow</h2>")?;
        self.slowest(f)?;
        writeln!(f, "<h2>Latency over time</h2>")?;
        for run in self.runs {
            writeln!(f, "<h3>{}</h3>\n{}", escaped(&run.mode.title()), over_time(run))?;
        }
        writeln!(f, "<h2>Measured on</h2>\n<table>")?;
        for (name, value) in self.setting.fingerprint.in_rows() {
            writeln!(f, "<tr><td>{name}<td>{}", escaped(&value))?;
        }
        writeln!(f, "</table></html>")
    }
}

impl Page<'_> {
    fn table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "<table><tr><th>mode<th>durability<th>in flight<th>commands/s")?;
        Percentiles::NAMES.iter().try_for_each(|name| write!(f, "<th>{name} µs"))?;
        for line in self.lines {
            let (title, load) = (line.mode.title(), grouped(line.in_flight.into()));
            let saturated = if line.saturated { ", saturated" } else { "" };
            write!(f, "\n<tr><td>{}{saturated}", escaped(&title))?;
            write!(f, "<td>{}<td>{} × {load}", line.durability, line.clients)?;
            row(f, line.ours.rate_per_s, &line.ours.latency_us)?;
            if let Some(service_us) = &line.service_us {
                write!(f, "\n<tr><td>from sending<td><td><td>")?;
                cells(f, service_us)?;
            }
            if let (Some(bare), Some(ratio)) = (&line.baseline, &line.ratio) {
                let saturated = if bare.saturated { ", saturated" } else { "" };
                let name = bare.kind.name();
                write!(f, "\n<tr><td>{name}{saturated}<td>{}<td>", line.durability)?;
                row(f, bare.figures.rate_per_s, &bare.figures.latency_us)?;
                write!(f, "\n<tr><td>engine / bare<td><td><td>{:.2}×", ratio.rate)?;
                write!(f, "<td>{:.2}×<td><td>{:.2}×<td><td>", ratio.p50, ratio.p99)?;
            }
            if let Some(why) = line.baseline.as_ref().and_then(|bare| bare.invalid.as_ref()) {
                write!(f, "\n<tr><td class=\"invalid\" colspan=\"9\">invalid baseline: ")?;
                write!(f, "{}", escaped(why))?;
            }
            if let Some(why) = &line.invalid {
                write!(f, "\n<tr><td class=\"invalid\" colspan=\"9\">invalid: {}", escaped(why))?;
            }
        }
        writeln!(f, "</table>")
    }

    fn percentiles(&self) -> Chart {
        let series = self.runs.iter().enumerate().flat_map(|(colour, run)| {
            let name = escaped(&run.mode.title());
            let bare = run.measured.bare.as_ref().map(|bare| Series {
                name: format!("{name}: {}", run.bare.map_or_else(String::new, BareKind::name)),
                colour,
                dashed: true,
                points: curve(&bare.latency_ns),
            });
            let points = curve(&run.measured.ours.latency_ns);
            [Some(Series { name, colour, dashed: false, points }), bare]
        });
        Chart {
            across: ("share of commands that were answered within", Scale::Nines),
            up: ("µs", Scale::Log),
            series: series.flatten().collect(),
        }
    }

    fn stages(&self) -> Bars {
        let whole = |run: &Run| {
            let shares: Vec<_> = run.stages.parts().iter().map(|(_, mean)| *mean).collect();
            let name = format!("{}: {} µs", run.mode.title(), micros(run.stages.latency.mean));
            (escaped(&name), shares)
        };
        let parts = self.runs.first().map(|run| run.stages.parts().map(|(name, _)| name).to_vec());
        Bars { parts: parts.unwrap_or_default(), wholes: self.runs.iter().map(whole).collect() }
    }

    fn slowest(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "<table><tr><th>mode<th>cause<th>share<th>slowest of them")?;
        for run in self.runs {
            for Share { cause, count, of, example } in run.slowest.shares() {
                let title = escaped(&run.mode.title());
                write!(f, "\n<tr><td>{title}<td>{cause}<td>{count} of {of}<td>{example}")?;
            }
        }
        writeln!(f, "</table>\n<p>{}</p>", super::table::SLOWEST_NOTE)?;
        let waits = self.lines.iter().filter_map(RunLine::core_wait);
        waits.into_iter().try_for_each(|wait| writeln!(f, "<p>{}</p>", escaped(&wait)))
    }

    fn against_rate(&self) -> Chart {
        let quantiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];
        let series = quantiles.iter().enumerate().flat_map(|(colour, (name, quantile))| {
            let points = |of: fn(&Run) -> Option<&Histogram<u64>>| {
                let runs = self.runs.iter().filter_map(|run| Some((run.offered()?, of(run)?)));
                runs.map(|(rate, latency)| {
                    (rate, latency.value_at_quantile(*quantile) as f64 / 1e3)
                })
                .collect::<Vec<_>>()
            };
            let ours = points(|run| Some(&run.measured.ours.latency_ns));
            let bare = points(|run| Some(&run.measured.bare.as_ref()?.latency_ns));
            let bare = Series { name: format!("{name}, bare"), colour, dashed: true, points: bare };
            let drawn = !bare.points.is_empty();
            let ours = Series { name: (*name).to_owned(), colour, dashed: false, points: ours };
            [Some(ours), Some(bare).filter(|_| drawn)]
        });
        Chart {
            across: ("offered commands a second", Scale::Log),
            up: ("µs", Scale::Log),
            series: series.flatten().collect(),
        }
    }
}

fn row(f: &mut Formatter<'_>, rate: f64, latency: &Percentiles) -> fmt::Result {
    write!(f, "<td>{}", grouped(rate as u64))?;
    cells(f, latency)
}

fn cells(f: &mut Formatter<'_>, latency: &Percentiles) -> fmt::Result {
    latency.in_order().iter().try_for_each(|value| write!(f, "<td>{}", micros(*value)))
}

fn curve(latency_ns: &Histogram<u64>) -> Vec<(f64, f64)> {
    // The slowest of a thousand stands at three nines, not at infinitely many.
    let last = 1.0 - 1.0 / latency_ns.len().max(1) as f64;
    let steps = latency_ns.iter_quantiles(TICKS_PER_HALF);
    let point = |quantile: f64, value: u64| (quantile.min(last), value as f64 / 1e3);
    steps.map(|step| point(step.quantile(), step.value_iterated_to())).collect()
}

fn over_time(run: &Run) -> Chart {
    let moments = run.measured.ours.course.moments();
    let line = |colour, name: &str, of: fn(&super::course::Moment) -> f64| Series {
        name: name.to_owned(),
        colour,
        dashed: false,
        points: moments.iter().map(|moment| (moment.at_s, of(moment))).collect(),
    };
    Chart {
        across: ("seconds of measured time", Scale::Linear),
        up: ("µs", Scale::Log),
        series: vec![
            line(0, "p50", |moment| moment.p50),
            line(1, "p99", |moment| moment.p99),
            line(2, "max", |moment| moment.max),
        ],
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
