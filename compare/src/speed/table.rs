//! The table of a run in Markdown, to be pasted where it is told.

use std::fmt::Write;

use super::child::Written;
use super::deposit::PAYLOAD_BYTES;
use super::report::{Measured, Report};
use super::slice::Figures;
use super::spread::{Spread, micros, rate, ratio};
use super::stores::Kept;

/// The durable peers, then what runs in memory, then how each was run.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    let is_memory = |peer: &&Measured| peer.kept == Kept::InMemory;
    let on_disk: Vec<_> = report.peers.iter().filter(|peer| !is_memory(peer)).collect();
    let in_memory: Vec<_> = report.peers.iter().filter(is_memory).collect();
    write_rows(report, "store, each record on disk before it is answered", &on_disk, &mut text);
    if !in_memory.is_empty() {
        text.push('\n');
        write_rows(report, "in memory only, nothing is kept", &in_memory, &mut text);
    }
    write_setting(report, &mut text);
    if report.was_busy() {
        text += "**The machine was busy:** the raw write mostly waited for a processor, so this is \
                 no measure of disks or stores, and syncing cannot be judged.\n\n";
    }
    for peer in &report.peers {
        write_peer(report, peer, &mut text);
    }
    text
}

fn write_rows(report: &Report, title: &str, peers: &[&Measured], text: &mut String) {
    let _ = writeln!(
        text,
        "| {title} | 1 client p50 µs | p99 µs | p99.9 µs | p50 by raw | records/s | 64 in flight \
         records/s | by raw | best batch records/s | by raw | read back records/s |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    );
    for peer in peers {
        let cells = cells(report, peer).join(" | ");
        let _ = writeln!(text, "| {} | {cells} |", peer.name);
    }
}

fn cells(report: &Report, peer: &Measured) -> [String; 10] {
    let one = |of: fn(&Figures) -> f64| report.spread(peer, |turn| Some(of(&turn.written.one)));
    let raw_rate = |raw: &Figures| raw.records_per_s;
    [
        cell(one(|it| it.p50_us), micros),
        cell(one(|it| it.p99_us), micros),
        cell(one(|it| it.p999_us), micros),
        cell(report.one_client_ratio(peer), ratio),
        cell(one(|it| it.records_per_s), rate),
        cell(report.spread(peer, |turn| turn.written.many_per_s()), rate),
        cell(report.ratio(peer, Written::many_per_s, raw_rate), ratio),
        cell(report.spread(peer, |turn| turn.written.best_per_s()), rate),
        cell(report.ratio(peer, Written::best_per_s, raw_rate), ratio),
        cell(report.spread(peer, |turn| Some(turn.read.as_ref()?.records_per_s)), rate),
    ]
}

fn cell(spread: Option<Spread>, figure: impl Fn(f64) -> String) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.in_words(figure))
}

fn write_setting(report: &Report, text: &mut String) {
    let Report { command, machine, rounds, seconds, .. } = report;
    let rounds = if *rounds == 1 { "one round".into() } else { format!("{rounds} rounds") };
    let _ = writeln!(
        text,
        "\nMedians of {rounds}, {seconds} s for each figure, the least and the most in brackets; \
         deposits of {PAYLOAD_BYTES} bytes; ratios to the raw write of the same round. {}. \
         `{command}`\n",
        machine.in_words()
    );
}

fn write_peer(report: &Report, peer: &Measured, text: &mut String) {
    let Measured { name, settings, many, best, failures, .. } = peer;
    let _ = write!(text, "- **{name} {}**: {settings}.", peer.version());
    if let Some(many) = many {
        let best = best.join("; or ");
        let _ = write!(text, " 64 in flight: {many}. Best batch: {best}.");
    }
    if report.does_not_sync(peer) {
        let _ = write!(text, " **Does not sync? Its p50 is below half of the raw write's.**");
    }
    for failure in failures {
        let _ = write!(text, " **Failed:** {}.", failure.replace('\n', " "));
    }
    text.push('\n');
}
