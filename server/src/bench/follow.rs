//! Puts samples and the batches they were in together, slice by slice.

use std::collections::HashSet;
use std::time::Duration;

use hdrhistogram::Histogram;
use hotledger::{Engine, Position};

use super::batch::{Batch, holder};
use super::cause::{Cause, Facts};
use super::core_wait::CoreWait;
use super::course::LATENCY_NS_MAX;
use super::idle::{Usual, facts};
use super::journey::Journey;
use super::sample::{Sample, Samples};

/// So many of the slowest are explained.
pub(super) const SLOWEST: usize = 64;

/// So many journeys are kept; with more every second one is dropped.
const JOURNEYS_MAX: usize = 65_536;

/// Follows the commands of one engine.
pub(super) struct Follower<'a> {
    engine: &'a Engine,
    /// When the slice began.
    core_wait: CoreWait,
    followed: Followed,
}

/// Where commands have been.
pub(super) struct Followed {
    /// A share of all, and of them only every so many-th.
    pub(super) journeys: Vec<Journey>,
    every: usize,
    /// The slowest ones, slowest first, one for each batch.
    pub(super) slowest: Vec<Slow>,
    /// How long those who write had no core.
    pub(super) core_wait: Option<Duration>,
    /// Of all batches.
    write_ns: Histogram<u64>,
    fill_ns: Histogram<u64>,
}

/// A slow command.
#[derive(Debug, Clone)]
pub(super) struct Slow {
    pub(super) position: Position,
    pub(super) journey: Journey,
    pub(super) facts: Facts,
    pub(super) cause: Cause,
}

impl<'a> Follower<'a> {
    /// Has followed nobody.
    pub(super) fn new(engine: &'a Engine) -> Self {
        Self { engine, core_wait: CoreWait::so_far(), followed: Followed::new() }
    }

    /// What the engine has done until now does not count.
    pub(super) fn begin(&mut self) {
        drop(self.engine.take_batch_times());
        self.core_wait = CoreWait::so_far();
    }

    /// Follows the commands of a slice that is over.
    pub(super) fn follow(&mut self, samples: &Samples) {
        if let Some(waited) = CoreWait::so_far().since(&self.core_wait) {
            *self.followed.core_wait.get_or_insert_default() += waited;
        }
        let batches = self.engine.take_batch_times();
        let batches: Vec<_> = batches.into_iter().map(Batch::from).collect();
        self.followed.add(&batches, samples);
    }

    /// Where they have been.
    pub(super) fn end(self) -> Followed {
        self.followed
    }
}

impl Followed {
    fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3);
        let histogram = || histogram().expect("these bounds are allowed");
        Self {
            journeys: Vec::new(),
            every: 1,
            slowest: Vec::new(),
            core_wait: None,
            write_ns: histogram(),
            fill_ns: histogram(),
        }
    }

    fn add(&mut self, batches: &[Batch], samples: &Samples) {
        for batch in batches {
            self.write_ns.saturating_record(nanos(batch.write));
            self.fill_ns.saturating_record(nanos(batch.fill_per_command()));
        }
        let held = |sample: &Sample| holder(batches, sample.position).map(|at| (*sample, at));
        let share = samples.share().iter().step_by(self.every).filter_map(held);
        self.journeys.extend(share.map(|(sample, at)| Journey::of(&sample, &batches[at])));
        while self.journeys.len() > JOURNEYS_MAX {
            self.every *= 2;
            let mut number = 0;
            self.journeys.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        self.add_slowest(batches, samples.slowest().filter_map(held).collect());
    }

    fn add_slowest(&mut self, batches: &[Batch], mut slowest: Vec<(Sample, usize)>) {
        slowest.sort_by_key(|(sample, _)| std::cmp::Reverse(sample.latency()));
        // Two clients may each have had one in the same batch.
        let mut seen = HashSet::new();
        slowest.retain(|(_, at)| seen.insert(*at));
        let median = |of: &Histogram<u64>| Duration::from_nanos(of.value_at_quantile(0.5));
        let usual = Usual { fill: median(&self.fill_ns), write: median(&self.write_ns) };
        let slow = |(sample, at): (Sample, usize)| {
            let facts = facts(batches, at, &sample, usual);
            let journey = Journey::of(&sample, &batches[at]);
            Slow {
                position: sample.position,
                journey,
                facts,
                cause: Cause::of(&facts, usual.write),
            }
        };
        self.slowest.extend(slowest.into_iter().take(SLOWEST).map(slow));
        self.slowest.sort_by_key(|slow| std::cmp::Reverse(slow.facts.latency));
        self.slowest.truncate(SLOWEST);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hotledger::{Chain, Durability, Receipt, Version};

    use super::*;
    use crate::bench::batch::made_up::batch;

    /// The first one of each batch, sent as it was opened and answered as it was written.
    fn samples(batches: &[Batch]) -> Samples {
        let mut samples = Samples::new();
        for batch in batches {
            let mut chain = [0; 32];
            chain[..8].copy_from_slice(&batch.until.events().to_le_bytes());
            let receipt = Receipt {
                position: Position::after(batch.after.events() + 1),
                version: Version(1),
                events: 1,
                chain: Chain(chain),
                durability: Durability::Synced,
                duplicate: false,
            };
            samples.see(0, &receipt);
            samples.take(0..1, batch.written, |_| (batch.opened, batch.opened));
            samples.end_look();
        }
        samples
    }

    #[test]
    fn samples_are_followed_through_their_batches_and_the_slowest_explained() {
        let zero = Instant::now();
        let write = |n: u64| if n == 70 { 900 } else { 100 + n };
        let mut batches: Vec<_> =
            (0..100).map(|n| batch(zero, (n * 3, n * 3 + 3), n * 1_000, write(n))).collect();
        batches[70].filling = true;
        let samples = samples(&batches);
        // One of them was not followed.
        batches.remove(50);
        let mut followed = Followed::new();
        followed.add(&batches, &samples);
        assert_eq!(followed.journeys.len(), 99);
        assert_eq!(followed.slowest.len(), SLOWEST);
        assert!(followed.slowest.is_sorted_by(|a, b| a.facts.latency >= b.facts.latency));
        let [first, second] = &followed.slowest[..2] else { panic!("64") };
        assert_eq!((first.cause, first.position.events()), (Cause::SegmentRoll, 70 * 3 + 1));
        assert_eq!((second.cause, second.facts.write_before), (Cause::Queue, Duration::ZERO));
        followed.add(&[], &samples);
        assert_eq!(followed.journeys.len(), 99, "what has no batch is not followed");
    }
}
