//! The tables for a person.

use comfy_table::{Cell, CellAlignment, Table, presets};
use hotledger::Durability;

use super::lines::{Figures, Ratio, RunLine};
use super::slowest::Share;
use super::stages::Figure;
use crate::latency::{Percentiles, micros};
use crate::out;

/// What is under the tables of [`stages`] and of [`slowest`].
pub(super) const STAGES_NOTE: &str = "\
Stages of a share of the commands: the means add up. A write and its sync are one operation.
Deciding and encoding are those of the first command of a batch, and part of the time in it.";
pub(super) const SLOWEST_NOTE: &str = "\
The slowest commands, one for each batch; the first rule of docs/performance.md that holds names
the cause. A write ends when the writer sees that it has: without a core it sees it late.";

/// What must be known of runs and of what they are compared with before their figures are used.
pub(super) fn notes(lines: &[RunLine<'_>]) -> Vec<String> {
    let noted = |line: &RunLine<'_>| {
        let title = line.mode.title();
        let ours = line.invalid.as_ref().map(|why| format!("INVALID: {title}: {why}"));
        let bare = line.baseline.as_ref().and_then(|bare| bare.invalid.as_ref());
        let bare = bare.map(|why| format!("INVALID: baseline of {title}: {why}"));
        [line.core_wait(), ours, bare]
    };
    lines.iter().flat_map(noted).flatten().collect()
}

/// Every run, and what it is compared with.
pub(super) fn of(lines: &[RunLine<'_>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let columns = ["mode", "durability", "clients", "in flight", "commands/s"];
    let latencies = Percentiles::NAMES.map(|name| format!("{name} µs"));
    table.set_header(columns.map(str::to_owned).into_iter().chain(latencies));
    for line in lines {
        let load = [line.clients.to_string(), out::grouped(line.in_flight.into())];
        add_figures(&mut table, &line.mode.title(), line.durability, &load, &line.ours);
        if let Some(service_us) = &line.service_us {
            add_service(&mut table, service_us);
        }
        if let (Some(bare), Some(ratio)) = (&line.baseline, &line.ratio) {
            add_figures(&mut table, &bare.kind.name(), line.durability, &load, &bare.figures);
            add_ratio(&mut table, ratio);
            if bare.saturated {
                add(&mut table, vec!["  baseline saturated".to_owned()]);
            }
        }
        if line.saturated {
            add(&mut table, vec!["  saturated".to_owned()]);
        }
    }
    table
}

/// Where the time went.
pub(super) fn stages(lines: &[RunLine<'_>]) -> Table {
    let names = lines.iter().take(1).flat_map(|line| line.stages_us.in_order());
    let names = names.map(|(name, _)| name);
    let mut table = new(["mode", "µs", "latency"].into_iter().chain(names));
    for line in lines {
        let stages = line.stages_us;
        let row = |title: String, name: &str, of: fn(&Figure) -> f64| {
            let figures = stages.in_order().map(|(_, figure)| micros(of(&figure)));
            let cells = [title, name.to_owned(), micros(of(&stages.latency))];
            cells.into_iter().chain(figures).collect()
        };
        add(&mut table, row(line.mode.title(), "mean", |figure| figure.mean));
        let followed = format!("  {} followed", out::grouped(stages.samples as u64));
        add(&mut table, row(followed, "p50", |figure| figure.p50));
    }
    table
}

/// What made the slowest commands slow.
pub(super) fn slowest(lines: &[RunLine<'_>]) -> Table {
    let mut table = new(["mode", "cause", "share", "slowest of them"].into_iter());
    for line in lines {
        for Share { cause, count, of, example } in line.slowest.shares() {
            let share = format!("{count} of {of}");
            table.add_row([line.mode.title(), cause.to_owned(), share, example]);
        }
    }
    table
}

fn new<'a>(header: impl Iterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
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

/// From sending to answer, below what counts from when a command was due.
fn add_service(table: &mut Table, service_us: &Percentiles) {
    let cells = ["  from sending", "", "", "", ""].map(str::to_owned);
    add(table, cells.into_iter().chain(service_us.in_order().map(micros)).collect());
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
