//! Samples of commands: when each was due, sent and answered, and where in the journal it stands.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::{Duration, Instant};

use hotledger::{Chain, Position, Receipt};

use crate::stamps::BURST;

/// So many of all commands are kept; with more every second one is dropped.
const SHARE_MAX: usize = 4_096;

/// So many of the slowest are kept: more than are shown, for not every batch is followed.
const SLOWEST_MAX: usize = 512;

/// About as long as pipelined batches in memory take.
const UNCHAINED: Duration = Duration::from_millis(1);

/// One command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// When it should have been sent, which is when it was, unless in an open loop.
    pub(super) due: Instant,
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    pub(super) position: Position,
}

impl Sample {
    pub(super) fn latency(&self) -> Duration {
        self.answered.saturating_duration_since(self.due)
    }
}

/// A share of all commands that is the same for every position in the journal, and the slowest of
/// all, one for each batch. Keeping one allocates nothing.
pub(super) struct Samples {
    /// A power of two.
    one_in: u64,
    share: Vec<Sample>,
    /// The fastest of them on top.
    slowest: BinaryHeap<Reverse<BySlowness>>,
    /// The slowest so far of the batch that is being answered.
    newest: Option<(Batch, Sample)>,
    /// Answers of one look that may become samples.
    marks: Vec<Mark>,
}

/// Tells batches apart, which are answered one after the other.
struct Batch {
    chain: Chain,
    /// When the first of it was answered.
    begun: Instant,
}

#[derive(Clone, Copy)]
struct Mark {
    /// Its number among the answers of the look.
    answer: u64,
    position: Position,
    /// With the first of a look, which has waited longest: the batch it was in.
    oldest_of: Option<Chain>,
}

impl Samples {
    /// Nothing yet, and room for all that will be.
    pub(super) fn new() -> Self {
        Self {
            one_in: 1,
            share: Vec::with_capacity(SHARE_MAX),
            slowest: BinaryHeap::with_capacity(SLOWEST_MAX),
            newest: None,
            marks: Vec::with_capacity(BURST as usize),
        }
    }

    /// A command was committed: the answer with this number in a look.
    pub(super) fn see(&mut self, answer: u64, receipt: &Receipt) {
        // Without events of its own it stands where another command does.
        if receipt.events == 0 || receipt.duplicate {
            return;
        }
        let oldest = self.marks.is_empty();
        if oldest || is_chosen(receipt.position, self.one_in) {
            let oldest_of = oldest.then_some(receipt.chain);
            self.marks.push(Mark { answer, position: receipt.position, oldest_of });
        }
    }

    /// Of a look that came now: when the commands behind these answers were due, and sent.
    pub(super) fn take(
        &mut self,
        answers: Range<u64>,
        answered: Instant,
        times: impl Fn(u64) -> (Instant, Instant),
    ) {
        for at in 0..self.marks.len() {
            let Mark { answer, position, oldest_of } = self.marks[at];
            if answers.contains(&answer) {
                let (due, sent) = times(answer);
                let sample = Sample { due, sent, answered, position };
                oldest_of.into_iter().for_each(|chain| self.weigh(chain, sample));
                self.keep(sample);
            }
        }
    }

    /// Every answer of the look has been taken.
    pub(super) fn end_look(&mut self) {
        self.marks.clear();
    }

    /// Adds what another client kept.
    pub(super) fn merge(&mut self, other: &Self) {
        self.thin_to(self.one_in.max(other.one_in));
        other.share.iter().for_each(|sample| self.keep(*sample));
        other.slowest().for_each(|sample| self.offer(*sample));
    }

    /// The share of all.
    pub(super) fn share(&self) -> &[Sample] {
        &self.share
    }

    /// The slowest, in no order.
    pub(super) fn slowest(&self) -> impl Iterator<Item = &Sample> {
        let newest = self.newest.iter().map(|(_, sample)| sample);
        self.slowest.iter().map(|Reverse(BySlowness(sample))| sample).chain(newest)
    }

    fn keep(&mut self, sample: Sample) {
        while self.share.len() >= SHARE_MAX {
            self.thin_to(self.one_in * 2);
        }
        if is_chosen(sample.position, self.one_in) {
            self.share.push(sample);
        }
    }

    fn thin_to(&mut self, one_in: u64) {
        self.one_in = one_in;
        self.share.retain(|sample| is_chosen(sample.position, one_in));
    }

    fn weigh(&mut self, chain: Chain, sample: Sample) {
        match &mut self.newest {
            Some((batch, slowest)) if batch.goes_on(chain, sample.answered) => {
                if sample.latency() > slowest.latency() {
                    *slowest = sample;
                }
            }
            newest => {
                let batch = Batch { chain, begun: sample.answered };
                if let Some((_, slowest)) = newest.replace((batch, sample)) {
                    self.offer(slowest);
                }
            }
        }
    }

    fn offer(&mut self, sample: Sample) {
        if self.slowest.len() < SLOWEST_MAX {
            self.slowest.push(Reverse(BySlowness(sample)));
        } else if let Some(mut fastest) = self.slowest.peek_mut()
            && fastest.0.0.latency() < sample.latency()
        {
            *fastest = Reverse(BySlowness(sample));
        }
    }
}

impl Batch {
    /// Batches that are kept in memory only have no chain: there a while counts as one.
    fn goes_on(&self, chain: Chain, now: Instant) -> bool {
        self.chain == chain && (chain != Chain::ZERO || now < self.begun + UNCHAINED)
    }
}

/// Whether a position is in a share of one in so many, a power of two. Those of a smaller share
/// are in every greater one, and no rhythm of batches meets theirs (Knuth's golden ratio).
fn is_chosen(position: Position, one_in: u64) -> bool {
    let mixed = position.events().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    mixed & (one_in - 1) == 0
}

/// Samples in the order of their latencies.
#[derive(Clone, Copy)]
struct BySlowness(Sample);

impl Ord for BySlowness {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.latency().cmp(&other.0.latency())
    }
}

impl PartialOrd for BySlowness {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BySlowness {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for BySlowness {}

#[cfg(test)]
mod tests;
