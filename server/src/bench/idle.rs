//! Time in which somebody had something to do and did not run, read from the gaps between stages.

use std::time::{Duration, Instant};

use super::batch::Batch;
use super::cause::Facts;
use super::journey::Journey;
use super::sample::Sample;

/// The medians.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usual {
    /// How long batches are filled, for each of their commands.
    pub(super) fill: Duration,
    pub(super) write: Duration,
}

/// What the command behind a sample met, in the batch with this number, one of those followed.
pub(super) fn facts(batches: &[Batch], at: usize, sample: &Sample, usual: Usual) -> Facts {
    let (own, journey) = (&batches[at], Journey::of(sample, &batches[at]));
    let in_its_time = |it: &usize| batches[*it].written > sample.due;
    let before = (0..at).rev().take_while(in_its_time);
    let [.., batch, _, answer] = journey.stages;
    let waited = own.opened.saturating_duration_since(sample.due);
    let waited_for_nobody = waited.saturating_sub(busy(batches, at, sample.due, usual));
    let late = not_filled(batches, at, usual).min(batch) + not_noticed(batches, at);
    let late_before = |it| not_filled(batches, it, usual).max(not_noticed(batches, it));
    Facts {
        latency: journey.latency(),
        write: own.write,
        rolled: own.rolled,
        filling: own.filling,
        snapshot: own.snapshot,
        write_before: before.clone().map(|it| batches[it].write).max().unwrap_or_default(),
        // Two batches on their way are late together: what kept one kept the other.
        idle: waited_for_nobody + late + answer + before.map(late_before).max().unwrap_or_default(),
    }
}

/// How long, from a moment until this batch was opened, others were on their way. Those that were
/// not followed are taken to have been as long as is usual.
fn busy(batches: &[Batch], at: usize, from: Instant, usual: Usual) -> Duration {
    let (mut until, mut busy) = (batches[at].opened, Duration::ZERO);
    for pair in batches[..=at].windows(2).rev() {
        let [batch, next] = pair else { unreachable!("windows of two") };
        let begin = batch.opened.max(from);
        busy += batch.written.min(until).saturating_duration_since(begin);
        let between = until.saturating_duration_since(batch.written.max(from));
        busy += between.min(usual.time(next.after.events() - batch.until.events()));
        until = until.min(begin);
        if batch.written <= from {
            break;
        }
    }
    busy
}

impl Usual {
    /// How long so many events take, if each is of a command.
    fn time(self, events: u64) -> Duration {
        let fill = self.fill.saturating_mul(u32::try_from(events).unwrap_or(u32::MAX));
        if events > 0 { fill + self.write } else { Duration::ZERO }
    }
}

/// How long a batch could have been handed to the disk and was not: its commands were settled, as
/// far as the usual time for each tells, and a write before it had left room.
fn not_filled(batches: &[Batch], at: usize, usual: Usual) -> Duration {
    let batch = &batches[at];
    let filled = batch.opened + usual.fill * batch.commands;
    let room = batches[..at].iter().rev().map(|it| it.written).find(|it| *it <= batch.submitted);
    batch.submitted.saturating_duration_since(room.map_or(filled, |room| room.max(filled)))
}

/// How long a batch and all before it had been written, and the writer did not know.
fn not_noticed(batches: &[Batch], at: usize) -> Duration {
    let batch = &batches[at];
    let done = batch.submitted + batch.write;
    let before = at.checked_sub(1).map(|before| batches[before].written);
    batch.written.saturating_duration_since(before.map_or(done, |before| before.max(done)))
}

#[cfg(test)]
mod tests {
    use hotledger::Position;

    use super::*;
    use crate::bench::batch::made_up::batch;

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    const USUAL: Usual = Usual { fill: us(5), write: us(100) };

    /// Of the last event in these batches.
    fn last(zero: Instant, batches: &[Batch], [due, sent, answered]: [u64; 3]) -> Facts {
        let [due, sent, answered] = [due, sent, answered].map(|micros| zero + us(micros));
        let at = batches.len() - 1;
        let sample = Sample { due, sent, answered, position: batches[at].until };
        facts(batches, at, &sample, USUAL)
    }

    #[test]
    fn a_batch_before_it_explains_the_wait_and_a_gap_does_not() {
        let zero = Instant::now();
        // 0 to 105, 110 to 215: between them 5 µs in which nothing was on its way.
        let batches = [batch(zero, (0, 1), 0, 100), batch(zero, (1, 2), 110, 100)];
        let facts = last(zero, &batches, [50, 50, 217]);
        assert_eq!((facts.latency, facts.write_before, facts.idle), (us(167), us(100), us(5 + 2)));
        let facts = last(zero, &batches, [106, 106, 215]);
        assert_eq!((facts.write_before, facts.idle), (us(0), us(4)), "the first was over");
        let unknown = [batch(zero, (0, 1), 0, 100), batch(zero, (3, 4), 300, 100)];
        let facts = last(zero, &unknown, [50, 50, 405]);
        assert_eq!(facts.idle, us(195 - 2 * 5 - 100), "two between were not followed");
    }

    #[test]
    fn a_writer_that_fills_or_looks_late_is_idle() {
        let zero = Instant::now();
        let mut late = batch(zero, (0, 1), 0, 100);
        (late.submitted, late.written) = (zero + us(45), zero + us(200));
        let facts = last(zero, std::slice::from_ref(&late), [0, 0, 201]);
        assert_eq!(facts.idle, us(40 + 55 + 1), "filled for 5, written at 145");
        let after = batch(zero, (1, 2), 210, 100);
        let facts = last(zero, &[late, after], [100, 100, 315]);
        assert_eq!(facts.idle, us(10 + 55), "the gap, and the longer of what kept the first");
    }

    #[test]
    fn who_waits_for_a_write_slot_or_for_the_batch_before_is_not_idle() {
        let zero = Instant::now();
        let mut batches = [(0, 1), (1, 2), (2, 3)].map(|positions| batch(zero, positions, 0, 100));
        // The second is written before the first; the third has to wait for a slot.
        batches[1].write = us(50);
        (batches[2].submitted, batches[2].written) = (zero + us(105), zero + us(205));
        assert_eq!(not_noticed(&batches, 1), us(0));
        assert_eq!(not_filled(&batches, 2, USUAL), us(0));
        assert_eq!(last(zero, &batches, [0, 0, 205]).idle, us(0));
        assert_eq!(batches[2].until, Position::after(3));
    }
}
