//! What verification has seen so far, and findings held back until their extent is known.

use std::ops::ControlFlow;

use uuid::Uuid;

use super::{END_UNKNOWN, Finding, Seen, Summary};
use crate::{chain::Chain, read::Batch, record::segment_name};

/// Findings held back at most. Behind that many without a sound batch between them the older
/// ones are reported without an end.
const HELD_MAX: usize = 64;

/// Counts and passes on what is seen.
pub(super) struct Report<'a> {
    see: &'a mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
    pub(super) summary: Summary,
    /// Position that follows the last sound event: where a gap begins.
    position: u64,
    /// In the order found; those with a range end where the next sound batch begins.
    held: Vec<Finding>,
    stopped: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        journal_id: Option<Uuid>,
        see: &'a mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Report<'a> {
        let summary = Summary {
            journal_id,
            segments: 0,
            entries: 0,
            events: 0,
            lost_events: 0,
            last_position: None,
            chain: Chain::ZERO,
            torn_bytes: 0,
            findings: 0,
        };
        Report { see, summary, position: 0, held: Vec::new(), stopped: false }
    }

    /// Whether nobody wants to see more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Damage whose extent is known, or that destroys no position.
    pub(super) fn damage(
        &mut self,
        segment: u64,
        offset: u64,
        positions: Option<(u64, u64)>,
        kind: &'static str,
        what: &str,
    ) {
        let (file, what) = (segment_name(segment), what.to_owned());
        let finding = Finding { file, offset, positions, kind, what };
        if self.held.is_empty() { self.say(finding) } else { self.hold(finding) }
    }

    /// Damage that may have destroyed everything up to the next sound batch.
    pub(super) fn gap(&mut self, segment: u64, offset: u64, kind: &'static str, what: &str) {
        let positions = Some((self.position, END_UNKNOWN));
        let (file, what) = (segment_name(segment), what.to_owned());
        self.hold(Finding { file, offset, positions, kind, what });
    }

    /// The next sound batch is about to be looked into: gaps end here.
    pub(super) fn reached(&mut self, batch: &Batch) {
        let (from, to) = (self.position, batch.first_position());
        self.let_go(to);
        self.summary.lost_events += to.saturating_sub(from);
        self.position = self.position.max(batch.end_position());
        assert!(self.position >= to, "positions seen only grow");
        assert!(self.held.is_empty(), "what was held back is said before what follows it");
    }

    /// Passes on a batch that has been looked into.
    pub(super) fn sound(&mut self, batch: &Batch, named: bool) {
        assert!(batch.end_position() <= self.position, "a batch is reached before it is passed on");
        self.summary.chain = batch.chain();
        if batch.end_position() > 0 {
            self.summary.last_position = Some(self.position - 1);
        }
        let seen = if named { Seen::Batch(batch) } else { Seen::Unnamed(batch) };
        self.pass_on(seen);
    }

    /// Nothing sound follows: what may be lost has no known end.
    pub(super) fn finish(mut self) -> Summary {
        self.let_go(END_UNKNOWN);
        assert!(self.held.is_empty(), "every finding is reported");
        self.summary
    }

    fn hold(&mut self, finding: Finding) {
        if self.held.len() == HELD_MAX {
            self.let_go(END_UNKNOWN);
        }
        self.held.push(finding);
        assert!(self.held.len() <= HELD_MAX, "memory is bounded whatever the files hold");
    }

    fn let_go(&mut self, end: u64) {
        for mut finding in std::mem::take(&mut self.held) {
            if let Some((from, END_UNKNOWN)) = finding.positions {
                finding.positions = Some((from, end.max(from)));
            }
            self.say(finding);
        }
    }

    fn say(&mut self, finding: Finding) {
        assert!(finding.positions.is_none_or(|(from, to)| from <= to), "a range has two ends");
        self.summary.findings += 1;
        self.pass_on(Seen::Damage(finding));
    }

    fn pass_on(&mut self, seen: Seen<'_>) {
        if !self.stopped {
            self.stopped = (self.see)(seen).is_break();
        }
    }
}
