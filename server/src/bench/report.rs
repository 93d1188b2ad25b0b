//! The report: a table for a person, an array of runs for a script, files for plotters.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::arrivals::Arrivals;
use super::lab::Lab;
use super::lines::{RunLine, Setting};
use super::machine::{self, Fingerprint};
use super::run::Run;
use super::save::save;
use super::workload::Workload;
use super::{hgrm, html, table};
use crate::args::BenchArgs;
use crate::out;

/// Says what was measured, in every form that was asked for.
pub(super) fn publish(
    args: &BenchArgs,
    lab: &Lab,
    (workload, proved): (&impl Workload, Option<String>),
    arrivals: Option<&Arrivals>,
    runs: &[Run],
) -> anyhow::Result<()> {
    let setting = Setting {
        durability: args.durability.into(),
        workload: workload.name(),
        aggregates: workload.aggregates(),
        proved,
        arrivals: arrivals.map(Arrivals::in_words),
        rested: Some(runs.iter().map(|run| run.measured.rested).sum())
            .filter(|rested| *rested > Duration::ZERO),
        seconds: args.seconds,
        snapshot_every: args.snapshot_every,
        shares_cores: machine::cores() < args.clients as usize + 2,
        machine: machine::computer(),
        disk: lab.describe(),
        fingerprint: Fingerprint::of(lab.directory(), lab.disk().describe(), lab.probe()?),
    };
    let lines: Vec<RunLine<'_>> = runs.iter().map(|run| RunLine::new(run, &setting)).collect();
    if let Some(file) = &args.hgrm {
        hgrm::save_all(file, runs)?;
    }
    if let Some(file) = &args.html {
        save(file, |out| write!(out, "{}", html::Page { setting: &setting, lines: &lines, runs }))?;
    }
    match args.json.as_deref() {
        Some(file) if file == Path::new("-") => return Ok(out::print_json(&lines)?),
        Some(file) => save(file, |out| out::json_line(out, &lines))?,
        None => {}
    }
    let notes: String = table::notes(&lines).iter().map(|note| format!("{note}\n")).collect();
    let tables = format!(
        "{}\n{}\n{}\n{}\n{}",
        table::of(&lines),
        table::stages(&lines),
        table::STAGES_NOTE,
        table::slowest(&lines),
        table::SLOWEST_NOTE,
    );
    Ok(out::print(&format!("{tables}\n{notes}{}", setting.in_words()))?)
}
