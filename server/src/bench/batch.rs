//! A batch of the engine's, with the times at which it passed each stage.

use std::time::{Duration, Instant};

use hotledger::{BatchTimes, Position};

/// As [`BatchTimes`] has it, which nobody else can make up.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// It holds what lies after this position, up to and including the other.
    pub(super) after: Position,
    pub(super) until: Position,
    pub(super) commands: u32,
    /// When the writer began to fill it.
    pub(super) opened: Instant,
    /// Of its first command.
    pub(super) decide: Duration,
    pub(super) encode: Duration,
    pub(super) submitted: Instant,
    /// How long the disk took, the sync included; the writer may have looked later.
    pub(super) write: Duration,
    /// When the writer knew that it was durable.
    pub(super) written: Instant,
    /// What it met: a new segment, the filling of the next one, a snapshot being built.
    pub(super) rolled: bool,
    pub(super) filling: bool,
    pub(super) snapshot: bool,
}

impl From<BatchTimes> for Batch {
    fn from(times: BatchTimes) -> Self {
        Self {
            after: times.after,
            until: times.until,
            commands: times.commands,
            opened: times.opened,
            decide: times.decide,
            encode: times.encode,
            submitted: times.submitted,
            write: times.write,
            written: times.written,
            rolled: times.rolled,
            filling: times.filling,
            snapshot: times.snapshot,
        }
    }
}

impl Batch {
    /// How long it was filled, for each of its commands.
    pub(super) fn fill_per_command(&self) -> Duration {
        self.submitted.saturating_duration_since(self.opened) / self.commands.max(1)
    }
}

/// Which of the batches, oldest first, holds the event at a position; not all may be there.
pub(super) fn holder(batches: &[Batch], position: Position) -> Option<usize> {
    let at = batches.partition_point(|batch| batch.until < position);
    batches.get(at).filter(|batch| batch.after < position).map(|_| at)
}

/// Batches with made-up times.
#[cfg(test)]
pub(super) mod made_up {
    use super::*;

    /// Opened after so many microseconds, filled for 5, written for so many.
    pub(in crate::bench) fn batch(
        zero: Instant,
        positions: (u64, u64),
        opened: u64,
        write: u64,
    ) -> Batch {
        let [opened, write] = [opened, write].map(Duration::from_micros);
        let submitted = zero + opened + Duration::from_micros(5);
        Batch {
            after: Position::after(positions.0),
            until: Position::after(positions.1),
            commands: (positions.1 - positions.0) as u32,
            opened: zero + opened,
            decide: Duration::from_micros(1),
            encode: Duration::from_micros(2),
            submitted,
            write,
            written: submitted + write,
            rolled: false,
            filling: false,
            snapshot: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::made_up::batch;
    use super::*;

    #[test]
    fn a_position_is_held_by_the_batch_around_it() {
        let zero = Instant::now();
        let batches = [(0, 1), (1, 5), (9, 10)].map(|positions| batch(zero, positions, 0, 10));
        let held = [0, 1, 2, 5, 6, 9, 10, 11].map(Position::after);
        let expected = [None, Some(0), Some(1), Some(1), None, None, Some(2), None];
        assert_eq!(held.map(|position| holder(&batches, position)), expected);
    }
}
