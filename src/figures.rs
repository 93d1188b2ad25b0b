//! The engine's figures: counted with plain stores by the writer, read by anyone at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use hotledger_journal::Written;

use crate::keys::Keys;
use crate::position::Position;
use crate::receipt::Verdict;
use crate::state::State;

/// A histogram that one thread fills with plain stores and any thread reads.
///
/// Log-linear: 16 buckets per power of two, so a bucket is within 6 % of its values.
struct Tally {
    buckets: Box<[AtomicU64]>,
}

const SUB_BITS: u32 = 4;
const BUCKETS: usize = (64 - SUB_BITS as usize + 1) << SUB_BITS;

impl Tally {
    fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }

    fn bucket(value: u64) -> usize {
        let shift = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
        ((shift as usize) << SUB_BITS) + (value >> shift) as usize
    }

    /// The largest value that falls into a bucket.
    fn ceiling(bucket: usize) -> u64 {
        let (shift, sub) = (bucket >> SUB_BITS, (bucket & ((1 << SUB_BITS) - 1)) as u64);
        match shift.checked_sub(1) {
            None => sub,
            Some(shift) => ((((1 << SUB_BITS) + sub) << shift) | ((1 << shift) - 1)).max(1),
        }
    }

    fn record(&self, value: u64) {
        bump(&self.buckets[Self::bucket(value)], 1);
    }

    fn read(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new(2).expect("2 significant digits are allowed");
        for (index, bucket) in self.buckets.iter().enumerate() {
            let count = bucket.load(Ordering::Relaxed);
            if count > 0 {
                histogram.record_n(Self::ceiling(index), count).expect("it grows by itself");
            }
        }
        histogram
    }
}

/// One writer, so a load and a store do; a locked add would cost ten times as much.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

/// The writer's side of the figures.
pub(crate) struct Figures {
    committed: AtomicU64,
    durable: AtomicU64,
    turns: Tally,
    write_ns: Tally,
    answers: [AtomicU64; OUTCOMES],
    aggregates: AtomicU64,
    table_bytes: AtomicU64,
    key_bytes: AtomicU64,
    journal_bytes: AtomicU64,
}

const OUTCOMES: usize = 7;

impl Figures {
    pub(crate) fn new(position: Position, state: &State, keys: &Keys) -> Self {
        let figures = Self {
            committed: AtomicU64::new(position.events()),
            durable: AtomicU64::new(position.events()),
            turns: Tally::new(),
            write_ns: Tally::new(),
            answers: Default::default(),
            aggregates: AtomicU64::new(0),
            table_bytes: AtomicU64::new(0),
            key_bytes: AtomicU64::new(0),
            journal_bytes: AtomicU64::new(0),
        };
        figures.weigh(state, keys);
        figures
    }

    pub(crate) fn count_committed(&self) {
        bump(&self.answers[0], 1);
    }

    pub(crate) fn count<R>(&self, verdict: &Verdict<R>) {
        let outcome = match verdict {
            Verdict::Committed { .. } => 0,
            Verdict::Repeated(..) => 1,
            Verdict::Refused(_) => 2,
            Verdict::Conflict { .. } => 3,
            Verdict::KeyReused => 4,
            Verdict::Panicked(_) | Verdict::Quarantined => 5,
            Verdict::TooLarge | Verdict::Unencodable(_) => 6,
            Verdict::StorageFull | Verdict::StorageUnavailable(_) => 6,
        };
        bump(&self.answers[outcome], 1);
    }

    pub(crate) fn weigh(&self, state: &State, keys: &Keys) {
        self.aggregates.store(state.aggregates() as u64, Ordering::Relaxed);
        self.table_bytes.store(state.table_bytes() as u64, Ordering::Relaxed);
        self.key_bytes.store(keys.bytes() as u64, Ordering::Relaxed);
    }

    pub(crate) fn submitted(&self, commands: u32, next_position: u64) {
        self.turns.record(commands.into());
        self.committed.store(next_position, Ordering::Relaxed);
    }

    pub(crate) fn wrote(&self, written: &Written<'_>) {
        self.write_ns.record(written.write_ns);
        self.durable.store(written.batch.end_position(), Ordering::Relaxed);
        bump(&self.journal_bytes, written.batch.stored_bytes());
    }

    pub(crate) fn read(&self) -> Stats {
        let position = |counter: &AtomicU64| Position::after(counter.load(Ordering::Relaxed));
        let [committed, duplicate, refused, conflict, key_reused, panicked, failed] =
            self.answers.each_ref().map(|counter| counter.load(Ordering::Relaxed));
        Stats {
            submitted: position(&self.committed),
            durable: position(&self.durable),
            mailbox_depth: 0,
            turn_commands: self.turns.read(),
            write_ns: self.write_ns.read(),
            answers: Answers {
                committed,
                duplicate,
                refused,
                conflict,
                key_reused,
                panicked,
                failed,
            },
            aggregates: self.aggregates.load(Ordering::Relaxed),
            table_bytes: self.table_bytes.load(Ordering::Relaxed),
            key_bytes: self.key_bytes.load(Ordering::Relaxed),
            journal_bytes: self.journal_bytes.load(Ordering::Relaxed),
            segments: 0,
            readers: Vec::new(),
        }
    }
}

/// What the engine has done since it opened. Reading it costs some microseconds and disturbs
/// nobody; the figures are each right, but not all of one instant.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// Up to here events have been handed to the disk.
    pub submitted: Position,
    /// Up to here events are durable.
    pub durable: Position,
    /// One-shot commands that wait for the writer.
    pub mailbox_depth: usize,
    /// Commands with events, or with a key, per batch that was handed to the disk.
    pub turn_commands: Histogram<u64>,
    /// From handing a batch to the disk until it is durable, in nanoseconds.
    pub write_ns: Histogram<u64>,
    /// Commands by outcome.
    pub answers: Answers,
    /// Aggregates in memory.
    pub aggregates: u64,
    /// Bytes of the tables that hold them; what a state owns elsewhere comes on top.
    pub table_bytes: u64,
    /// Bytes of the key window.
    pub key_bytes: u64,
    /// Journal bytes written since the engine opened, padding included.
    pub journal_bytes: u64,
    /// Segments that hold data.
    pub segments: u64,
    /// Every view, table and subscription, with how far behind it is.
    pub readers: Vec<ReaderStats>,
}

/// Commands by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Answers {
    /// Committed for the first time.
    pub committed: u64,
    /// Answered with the receipt of the first time.
    pub duplicate: u64,
    /// Refused by the aggregate.
    pub refused: u64,
    /// Not at the expected version.
    pub conflict: u64,
    /// Another command had the key.
    pub key_reused: u64,
    /// The aggregate panicked or is quarantined.
    pub panicked: u64,
    /// Too large, not encodable, or no room on the disk.
    pub failed: u64,
}

/// One reader of the feed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReaderStats {
    /// The view's or the subscription's name.
    pub name: String,
    /// How far it has come.
    pub position: Position,
    /// How far it is behind.
    pub lag: Lag,
    /// Times it fell so far behind that it had to go back to the journal.
    pub fallbacks: u64,
    /// Events it was told to skip.
    pub skipped: Vec<Position>,
    /// Why it stands still, if it does.
    pub failure: Option<String>,
}

/// How far a reader is behind what is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// In events.
    pub events: u64,
    /// In time: how long ago the event was recorded that it works on.
    pub time: Duration,
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_bucket_is_within_6_percent_of_its_values() {
        for value in (0..100_000u64).chain([1 << 40, (1 << 40) + 12_345, u64::MAX]) {
            let ceiling = Tally::ceiling(Tally::bucket(value));
            assert!(ceiling >= value, "{value} is in a bucket that ends at {ceiling}");
            assert!(ceiling - value <= value / 16, "{value} is far from {ceiling}");
        }
    }
}
