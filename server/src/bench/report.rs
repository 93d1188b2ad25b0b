//! The report: a table for a person, an array of runs for a script.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use comfy_table::{Cell, CellAlignment, Table, presets};
use hotledger::Durability;
use serde::{Serialize, Serializer};

use super::lab::Lab;
use super::machine;
use super::slice::{Comparison, Tally, WARM_UP};
use crate::args::BenchArgs;
use crate::latency::{Percentiles, micros};
use crate::out;

/// How clients waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// One command at a time.
    Closed,
    /// Many on their way.
    Pipelined,
}

/// One mode, measured.
pub(super) struct Run {
    /// How clients waited.
    pub(super) mode: Mode,
    /// How many there were.
    pub(super) clients: u32,
    /// Commands on their way for each of them.
    pub(super) in_flight: u32,
    /// What was counted.
    pub(super) measured: Comparison,
}

impl Mode {
    /// Commands on their way for each client.
    pub(super) fn in_flight(self, args: &BenchArgs) -> u32 {
        match self {
            Self::Closed => 1,
            Self::Pipelined => args.in_flight,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Pipelined => "pipelined",
        }
    }

    fn bare_name(self) -> &'static str {
        match self {
            Self::Closed => "bare 4 KiB write",
            Self::Pipelined => "bare loop, 128 B",
        }
    }
}

/// Says what was measured, in the form that was asked for.
pub(super) fn publish(
    args: &BenchArgs,
    lab: &Lab,
    workload: String,
    runs: &[Run],
) -> anyhow::Result<()> {
    let setting = Setting {
        durability: args.durability.into(),
        workload,
        aggregates: args.aggregates.into(),
        seconds: args.seconds,
        machine: machine::computer(),
        disk: lab.describe(),
    };
    let lines: Vec<RunLine<'_>> = runs.iter().map(|run| RunLine::new(run, &setting)).collect();
    match args.json.as_deref() {
        Some(file) if file == Path::new("-") => return Ok(out::print_json(&lines)?),
        Some(file) => save(file, &lines)?,
        None => {}
    }
    Ok(out::print(&format!("{}\n{}", table(&lines), setting.in_words()))?)
}

fn save(file: &Path, lines: &[RunLine<'_>]) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", file.display());
    let mut out = BufWriter::new(File::create(file).with_context(failed)?);
    out::json_line(&mut out, &lines).with_context(failed)?;
    out.flush().with_context(failed)
}

/// What all runs have in common.
struct Setting {
    durability: Durability,
    workload: String,
    aggregates: u64,
    seconds: u32,
    machine: String,
    disk: String,
}

impl Setting {
    fn in_words(&self) -> String {
        format!(
            "{} over {} aggregates; {} s a mode after {} s of warm-up; snapshots off.\n\
             machine: {}\ndisk: {}",
            self.workload,
            out::grouped(self.aggregates),
            self.seconds,
            WARM_UP.as_secs(),
            self.machine,
            self.disk,
        )
    }
}

#[derive(Serialize)]
struct RunLine<'a> {
    mode: Mode,
    #[serde(serialize_with = "displayed")]
    durability: Durability,
    clients: u32,
    in_flight: u32,
    /// Only an open loop offers a rate of its own.
    offered_per_s: Option<f64>,
    #[serde(flatten)]
    ours: Figures,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<Ratio>,
    commands: u64,
    failed: u64,
    seconds: f64,
    workload: &'a str,
    aggregates: u64,
    machine: &'a str,
    disk: &'a str,
}

impl<'a> RunLine<'a> {
    fn new(run: &Run, setting: &'a Setting) -> Self {
        let tally = &run.measured.ours;
        let ours = Figures::of(tally);
        let baseline = run.measured.bare.as_ref().map(Figures::of);
        Self {
            mode: run.mode,
            durability: setting.durability,
            clients: run.clients,
            in_flight: run.in_flight,
            offered_per_s: None,
            valid: tally.failed == 0 && tally.commands > 0,
            ratio: baseline.as_ref().map(|bare| Ratio::of(&ours, bare)),
            ours,
            baseline,
            commands: tally.commands,
            failed: tally.failed,
            seconds: tally.elapsed.as_secs_f64(),
            workload: &setting.workload,
            aggregates: setting.aggregates,
            machine: &setting.machine,
            disk: &setting.disk,
        }
    }
}

/// The rate and the latency of one side.
#[derive(Serialize)]
struct Figures {
    rate_per_s: f64,
    latency_us: Percentiles,
}

impl Figures {
    fn of(tally: &Tally) -> Self {
        let latency_us = Percentiles::of(&tally.latency_ns);
        Self { rate_per_s: tally.rate().round(), latency_us }
    }
}

/// Ours over the bare loop's.
#[derive(Serialize)]
struct Ratio {
    rate: f64,
    p50: f64,
    p99: f64,
}

impl Ratio {
    fn of(ours: &Figures, bare: &Figures) -> Self {
        Self {
            rate: rounded(ours.rate_per_s / bare.rate_per_s),
            p50: rounded(ours.latency_us.p50 / bare.latency_us.p50),
            p99: rounded(ours.latency_us.p99 / bare.latency_us.p99),
        }
    }
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 1e3).round() / 1e3
}

fn table(lines: &[RunLine<'_>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let columns = ["mode", "durability", "clients", "in flight", "commands/s"];
    let latencies = Percentiles::NAMES.map(|name| format!("{name} µs"));
    table.set_header(columns.map(str::to_owned).into_iter().chain(latencies));
    for line in lines {
        let load = [line.clients.to_string(), out::grouped(line.in_flight.into())];
        add_figures(&mut table, line.mode.name(), line.durability, &load, &line.ours);
        if let (Some(bare), Some(ratio)) = (&line.baseline, &line.ratio) {
            add_figures(&mut table, line.mode.bare_name(), line.durability, &load, bare);
            add_ratio(&mut table, ratio);
        }
        if !line.valid {
            add(&mut table, vec![format!("INVALID: {} commands failed", line.failed)]);
        }
    }
    table
}

fn add_figures(
    table: &mut Table,
    name: &str,
    durability: Durability,
    load: &[String; 2],
    figures: &Figures,
) {
    let mut cells = vec![name.to_owned(), durability.to_string()];
    cells.extend_from_slice(load);
    cells.push(out::grouped(figures.rate_per_s as u64));
    cells.extend(figures.latency_us.in_order().map(micros));
    add(table, cells);
}

fn add_ratio(table: &mut Table, ratio: &Ratio) {
    let cells = ["  engine / bare", "", "", ""].map(str::to_owned);
    let ratios = [
        format!("{:.2}x", ratio.rate),
        format!("{:.2}x", ratio.p50),
        String::new(),
        format!("{:.2}x", ratio.p99),
    ];
    add(table, cells.into_iter().chain(ratios).collect());
}

fn add(table: &mut Table, cells: Vec<String>) {
    table.add_row(cells.into_iter().enumerate().map(|(column, text)| {
        let side = if column < 2 { CellAlignment::Left } else { CellAlignment::Right };
        Cell::new(text).set_alignment(side)
    }));
}

fn displayed<S: Serializer>(value: &Durability, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
