//! Why a command was slow: the rules, each a sentence.

use std::time::Duration;

/// A write is slow if it takes so many times as long as the median...
const SLOW_TIMES: u32 = 2;

/// ...and is this part of the latency at least.
const SLOW_PART: u32 = 4;

/// Nobody ran, if that accounts for this part of the latency.
const IDLE_PART: u32 = 2;

/// What a command met. The first rule that holds names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Its batch was the first in a segment, or was written slowly while the next segment was
    /// being filled.
    SegmentRoll,
    /// A snapshot was being built while its batch was written slowly, or while no write was slow.
    Snapshot,
    /// Its batch was written slowly, and nothing of the engine's own was going on beside it.
    SyncStall,
    /// Its batch was written as usual, after one before it that was written slowly.
    BehindASlowWrite,
    /// No write was slow, and for half of the time or more neither the disk, nor the writer, nor
    /// the client did what there was to do.
    Scheduler,
    /// Nothing was slower than usual: what was to be done for it, and before it, took its time.
    Queue,
}

/// What is known of a command's time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) latency: Duration,
    /// Of its own batch.
    pub(super) write: Duration,
    pub(super) rolled: bool,
    pub(super) filling: bool,
    pub(super) snapshot: bool,
    /// The longest of the batches before it that were written in its time.
    pub(super) write_before: Duration,
    /// How long whoever had to do the next thing for it did not.
    pub(super) idle: Duration,
}

impl Cause {
    /// Judges by the facts, and by the median of the writes.
    pub(super) fn of(facts: &Facts, usual_write: Duration) -> Self {
        let slow = |write: Duration| {
            write >= usual_write * SLOW_TIMES && write * SLOW_PART >= facts.latency
        };
        let slowly = slow(facts.write);
        match facts {
            Facts { rolled: true, .. } => Self::SegmentRoll,
            Facts { filling: true, .. } if slowly => Self::SegmentRoll,
            Facts { snapshot: true, .. } if slowly => Self::Snapshot,
            _ if slowly => Self::SyncStall,
            Facts { write_before, .. } if slow(*write_before) => Self::BehindASlowWrite,
            Facts { snapshot: true, .. } => Self::Snapshot,
            Facts { idle, latency, .. } if *idle * IDLE_PART >= *latency => Self::Scheduler,
            _ => Self::Queue,
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SegmentRoll => "segment roll",
            Self::Snapshot => "snapshot",
            Self::SyncStall => "sync stall",
            Self::BehindASlowWrite => "behind a slow write",
            Self::Scheduler => "scheduler",
            Self::Queue => "queue",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// The usual write takes 100 µs.
    fn cause(facts: Facts) -> Cause {
        Cause::of(&facts, us(100))
    }

    #[test]
    fn a_slow_write_is_explained_by_what_went_on_beside_it() {
        let stall = Facts { latency: us(1_000), write: us(900), ..Facts::default() };
        assert_eq!(cause(stall), Cause::SyncStall);
        assert_eq!(cause(Facts { filling: true, snapshot: true, ..stall }), Cause::SegmentRoll);
        assert_eq!(cause(Facts { snapshot: true, ..stall }), Cause::Snapshot);
        assert_eq!(cause(Facts { rolled: true, ..stall }), Cause::SegmentRoll);
        assert_eq!(cause(Facts { idle: us(800), ..stall }), Cause::SyncStall);
    }

    #[test]
    fn a_usual_write_behind_a_slow_one_waited_for_it() {
        let behind = Facts { latency: us(1_000), write: us(120), ..Facts::default() };
        let behind = Facts { write_before: us(700), filling: true, ..behind };
        assert_eq!(cause(behind), Cause::BehindASlowWrite);
        assert_eq!(cause(Facts { rolled: true, ..behind }), Cause::SegmentRoll);
        let small = Facts { write_before: us(210), ..behind };
        assert_eq!(cause(small), Cause::Queue, "a small part of the latency explains nothing");
    }

    #[test]
    fn without_a_slow_write_somebody_did_not_run_or_there_was_much_to_do() {
        let usual = Facts { latency: us(1_000), write: us(150), ..Facts::default() };
        assert_eq!(cause(Facts { idle: us(500), ..usual }), Cause::Scheduler);
        assert_eq!(cause(Facts { idle: us(499), filling: true, ..usual }), Cause::Queue);
        assert_eq!(cause(Facts { snapshot: true, ..usual }), Cause::Snapshot);
        assert_eq!(cause(Facts { rolled: true, ..usual }), Cause::SegmentRoll);
    }
}
