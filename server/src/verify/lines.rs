//! The lines that `journal verify` prints, and how many of them are findings.

use std::io::{self, Write};
use std::ops::ControlFlow;

use hotledger_journal::verify::Summary;
use serde::Serialize;
use uuid::Uuid;

use crate::finding::FindingLine;
use crate::out;

/// Prints findings as they come, and counts them.
pub(super) struct Listing<W> {
    out: W,
    count: u64,
    written: io::Result<()>,
}

impl<W: Write> Listing<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, count: 0, written: Ok(()) }
    }

    /// Prints one; says stop once nobody reads any more.
    pub(super) fn add(&mut self, line: FindingLine) -> ControlFlow<()> {
        self.note(line);
        match self.written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Prints one.
    pub(super) fn note(&mut self, line: FindingLine) {
        self.count += 1;
        if self.written.is_ok() {
            self.written = out::json_line(&mut self.out, &line);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The output, if all of it could be written.
    pub(super) fn finish(self) -> io::Result<W> {
        self.written.map(|()| self.out)
    }
}

/// The last line.
#[derive(Serialize)]
pub(super) struct SummaryLine {
    segments: u64,
    entries: u64,
    events: u64,
    last_position: Option<u64>,
    chain: String,
    findings: u64,
    torn_bytes: u64,
    lost_events: u64,
    journal: Option<Uuid>,
    snapshots: usize,
    /// What a replay says to the digest of a checkpoint; null without one.
    state_digest: Option<&'static str>,
}

impl SummaryLine {
    pub(super) fn new(
        summary: &Summary,
        findings: u64,
        snapshots: usize,
        state_digest: Option<&'static str>,
    ) -> Self {
        Self {
            segments: summary.segments,
            entries: summary.entries,
            events: summary.events,
            last_position: summary.last_position,
            chain: summary.chain.to_string(),
            findings,
            torn_bytes: summary.torn_bytes,
            lost_events: summary.lost_events,
            journal: summary.journal_id,
            snapshots,
            state_digest,
        }
    }
}
