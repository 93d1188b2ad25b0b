//! Line charts as SVG text: an axis each way, a line for every series.

use std::fmt::{self, Display, Formatter};

/// Pixels of a chart, and of its margins left and below, above and right.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 72.0;
const BELOW: f64 = 40.0;
const EDGE: f64 = 12.0;

/// Colours that are told apart by those who see few, too (Okabe and Ito 2008).
pub(super) const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"];

/// How values lie on an axis.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Even steps.
    Linear,
    /// Even factors.
    Log,
    /// Quantiles by their nines: 0.9, 0.99 and 0.999 lie in even steps.
    Nines,
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(f64::MIN_POSITIVE).log10(),
            Self::Nines => -(1.0 - value).max(1e-9).log10(),
        }
    }

    /// Values that get a label.
    fn ticks(self, from: f64, to: f64) -> Vec<(f64, String)> {
        let whole = || (from.floor() as i32..=to.ceil() as i32).map(f64::from);
        match self {
            Self::Linear => {
                let step = (to - from).max(f64::MIN_POSITIVE) / 5.0;
                (0..=5).map(|at| from + step * f64::from(at)).map(|at| (at, short(at))).collect()
            }
            Self::Log => whole().map(|at| (at, short(10_f64.powf(at)))).collect(),
            Self::Nines => whole().map(|at| (at, percent(at))).collect(),
        }
    }
}

/// A quantile of so many nines.
fn percent(nines: f64) -> String {
    let digits = (nines as usize).saturating_sub(2);
    format!("{:.digits$} %", 100.0 - 100.0 * 10_f64.powf(-nines))
}

/// A value with the letter of its thousands.
pub(super) fn short(value: f64) -> String {
    let (value, letter) = match value.abs() {
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    format!("{}{letter}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// One line.
pub(super) struct Series {
    /// What it is.
    pub(super) name: String,
    /// Which of the colours.
    pub(super) colour: usize,
    /// Drawn in dashes: what others are compared with.
    pub(super) dashed: bool,
    /// Its points, from left to right.
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart; displays as an `svg` element with its legend.
pub(super) struct Chart {
    /// What lies below the horizontal axis.
    pub(super) across: (&'static str, Scale),
    /// What lies beside the vertical axis.
    pub(super) up: (&'static str, Scale),
    pub(super) series: Vec<Series>,
}

/// Where values lie on one axis, in pixels.
struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    pixels: (f64, f64),
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, scale: Scale, pixels: (f64, f64)) -> Self {
        let places = values.map(|value| scale.place(value));
        let (from, to) =
            places.fold((f64::MAX, f64::MIN), |(from, to), place| (from.min(place), to.max(place)));
        let (from, to) = match scale {
            // Whole powers of ten, so that the first and the last label are seen.
            Scale::Log => (from.floor(), to.ceil()),
            Scale::Linear => (from.min(0.0), to),
            Scale::Nines => (0.0, to),
        };
        let to = if to > from { to } else { from + 1.0 };
        Self { scale, from, to, pixels }
    }

    fn pixel(&self, value: f64) -> f64 {
        self.pixel_of_place(self.scale.place(value))
    }

    fn pixel_of_place(&self, place: f64) -> f64 {
        let share = (place - self.from) / (self.to - self.from);
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// Labels within the axis and where they go.
    fn labels(&self) -> impl Iterator<Item = (f64, String)> {
        let ticks = self.scale.ticks(self.from, self.to).into_iter();
        ticks
            .filter(|(place, _)| (self.from..=self.to).contains(place))
            .map(|(place, text)| (self.pixel_of_place(place), text))
    }
}

impl Display for Chart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let points = || self.series.iter().flat_map(|series| &series.points);
        if points().next().is_none() {
            return Ok(());
        }
        let x = Axis::over(points().map(|point| point.0), self.across.1, (LEFT, WIDTH - EDGE));
        let y = Axis::over(points().map(|point| point.1), self.up.1, (HEIGHT - BELOW, EDGE));
        writeln!(f, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#)?;
        self.grid(f, &x, &y)?;
        for series in &self.series {
            series.line(f, &x, &y)?;
        }
        writeln!(f, "</svg>\n<p class=\"legend\">")?;
        for series in &self.series {
            let colour = COLOURS[series.colour % COLOURS.len()];
            let sign = if series.dashed { "╌╌" } else { "━━" };
            write!(f, r#"<span><b style="color:{colour}">{sign}</b> {}</span> "#, series.name)?;
        }
        writeln!(f, "</p>")
    }
}

impl Chart {
    fn grid(&self, f: &mut Formatter<'_>, x: &Axis, y: &Axis) -> fmt::Result {
        let (right, bottom) = (WIDTH - EDGE, HEIGHT - BELOW);
        for (at, text) in y.labels() {
            writeln!(f, r#"<path class="grid" d="M{LEFT} {at:.1}H{right}"/>"#)?;
            writeln!(
                f,
                r#"<text x="{}" y="{:.1}" text-anchor="end">{text}</text>"#,
                LEFT - 8.0,
                at + 4.0
            )?;
        }
        for (at, text) in x.labels() {
            writeln!(f, r#"<path class="grid" d="M{at:.1} {EDGE}V{bottom}"/>"#)?;
            let below = bottom + 16.0;
            writeln!(f, r#"<text x="{at:.1}" y="{below}" text-anchor="middle">{text}</text>"#)?;
        }
        let middle = f64::midpoint(LEFT, right);
        let lowest = HEIGHT - 6.0;
        writeln!(
            f,
            r#"<text x="{middle}" y="{lowest}" text-anchor="middle">{}</text>"#,
            self.across.0
        )?;
        let half = bottom / 2.0;
        let name = self.up.0;
        let turned = format!(r#"transform="translate(14 {half}) rotate(-90)""#);
        writeln!(f, r#"<text {turned} text-anchor="middle">{name}</text>"#)
    }
}

impl Series {
    fn line(&self, f: &mut Formatter<'_>, x: &Axis, y: &Axis) -> fmt::Result {
        let colour = COLOURS[self.colour % COLOURS.len()];
        let dashes = if self.dashed { r#" stroke-dasharray="5 4""# } else { "" };
        write!(
            f,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="1.8"{dashes} points=""#
        )?;
        for (across, up) in &self.points {
            write!(f, "{:.1},{:.1} ", x.pixel(*across), y.pixel(*up))?;
        }
        writeln!(f, r#""/>"#)?;
        if let [(across, up)] = self.points[..] {
            let (across, up) = (x.pixel(across), y.pixel(up));
            writeln!(f, r#"<circle cx="{across:.1}" cy="{up:.1}" r="3" fill="{colour}"/>"#)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nines_lie_in_even_steps() {
        let places = [0.0, 0.9, 0.99, 0.999].map(|quantile| Scale::Nines.place(quantile).round());
        assert_eq!(places, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(percent), ["0 %", "90 %", "99 %", "99.9 %"]);
    }

    #[test]
    fn a_chart_holds_every_point_inside() {
        let points = vec![(10.0, 1.0), (1_000.0, 90.0), (100_000.0, 5_000.0)];
        let series = Series { name: "a".into(), colour: 0, dashed: false, points };
        let chart =
            Chart { across: ("rate", Scale::Log), up: ("µs", Scale::Log), series: vec![series] };
        let text = chart.to_string();
        let points =
            text.split_once("points=\"").and_then(|(_, rest)| rest.split_once('"')).unwrap();
        let pixels: Vec<(f64, f64)> = points
            .0
            .split_whitespace()
            .filter_map(|pair| pair.split_once(','))
            .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
            .collect();
        assert_eq!(pixels.len(), 3);
        assert!(pixels.is_sorted_by(|one, next| one.0 < next.0 && one.1 > next.1), "{pixels:?}");
        assert!(pixels.iter().all(|(x, y)| (LEFT..WIDTH).contains(x) && (0.0..HEIGHT).contains(y)));
        assert!(text.contains(">1 k</text>") && text.contains(">100 k</text>"));
    }
}
