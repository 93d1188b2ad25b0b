//! When the commands of an open loop are due, whatever became of those before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arrivals::Arrivals;

/// A command that is sent so long after it was due is late, unless what it is sent to was full:
/// then it is the other side that keeps it waiting.
pub(super) const LATE: Duration = Duration::from_micros(100);

/// What an open loop offers; from one slice of measuring to the next it goes on.
#[derive(Clone)]
pub(super) enum Offer {
    /// So many commands a second at even distances.
    Even(f64),
    /// As commands once arrived.
    Recorded(Replayed),
}

/// One client's share of recorded arrivals.
#[derive(Clone)]
pub(super) struct Replayed {
    arrivals: Arc<Arrivals>,
    /// So many times as fast.
    pace: u32,
    /// Every so many-th arrival is this client's, from this one on.
    share: (u64, u64),
    /// Nanoseconds of the recording that are over.
    over_ns: u64,
}

impl Offer {
    /// Recorded arrivals from their beginning.
    pub(super) fn recorded(arrivals: &Arc<Arrivals>, pace: u32) -> Self {
        let arrivals = Arc::clone(arrivals);
        Self::Recorded(Replayed { arrivals, pace, share: (1, 0), over_ns: 0 })
    }

    /// The same, offered by that many clients together.
    pub(super) fn shared_by(&self, clients: usize) -> impl Iterator<Item = Self> {
        (0..clients as u64).map(move |client| match self {
            Self::Even(per_s) => Self::Even(per_s / clients as f64),
            Self::Recorded(all) => {
                Self::Recorded(Replayed { share: (clients as u64, client), ..all.clone() })
            }
        })
    }

    /// What is due in the next stretch of this length, which begins now.
    pub(super) fn schedule(&mut self, length: Duration) -> Schedule {
        let times = match self {
            Self::Even(per_s) => Times::Even(*per_s),
            Self::Recorded(replayed) => Times::Each(replayed.next(length)),
        };
        let total = match &times {
            Times::Even(per_s) => (length.as_secs_f64() * per_s).ceil() as u64,
            Times::Each(times) => times.len() as u64,
        };
        Schedule { begun: Instant::now(), times, total, taken: 0 }
    }
}

impl Replayed {
    fn next(&mut self, length: Duration) -> Vec<u64> {
        let (pace, (clients, client)) = (u64::from(self.pace), self.share);
        let from_ns = self.over_ns;
        self.over_ns += length.as_nanos() as u64 * pace;
        let arrivals = self.arrivals.within(from_ns..self.over_ns);
        let own = arrivals.filter(|(number, _)| number % clients == client);
        own.map(|(_, time_ns)| (time_ns - from_ns) / pace).collect()
    }
}

/// Commands of one stretch, numbered from 0.
///
/// Latency counted from the time a command was due has no coordinated omission (Gil Tene): who
/// waits in line behind a slow answer waits, and is counted as waiting.
pub(super) struct Schedule {
    begun: Instant,
    times: Times,
    total: u64,
    taken: u64,
}

enum Times {
    /// At even distances, so many a second, the first one at once.
    Even(f64),
    /// After so many nanoseconds each.
    Each(Vec<u64>),
}

impl Schedule {
    /// How many are due by now and not taken.
    pub(super) fn due(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.begun);
        match &self.times {
            Times::Even(per_s) => {
                let due = (since.as_secs_f64() * per_s) as u64 + 1;
                due.min(self.total).saturating_sub(self.taken)
            }
            Times::Each(times) => {
                let since_ns = since.as_nanos() as u64;
                let left = &times[self.taken as usize..];
                // Mostly none is due: that is told by the first.
                match left.first().is_some_and(|first| *first <= since_ns) {
                    true => left.partition_point(|time_ns| *time_ns <= since_ns) as u64,
                    false => 0,
                }
            }
        }
    }

    /// How many of those have been due for longer than this.
    pub(super) fn overdue(&self, now: Instant, by: Duration) -> u64 {
        now.checked_sub(by).filter(|then| *then >= self.begun).map_or(0, |then| self.due(then))
    }

    /// Takes the next ones; the number of the first.
    pub(super) fn take(&mut self, commands: u64) -> u64 {
        let first = self.taken;
        self.taken += commands;
        assert!(self.taken <= self.total, "nothing is taken that is not due");
        first
    }

    /// When a command is due.
    pub(super) fn time_of(&self, number: u64) -> Instant {
        let after_ns = match &self.times {
            Times::Even(per_s) => (number as f64 * 1e9 / per_s) as u64,
            Times::Each(times) => times[number as usize],
        };
        self.begun + Duration::from_nanos(after_ns)
    }

    /// Whether all have been taken.
    pub(super) fn is_over(&self) -> bool {
        self.taken == self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_grows_with_time_and_ends() {
        let mut schedule = Offer::Even(1_000.0).schedule(Duration::from_millis(10));
        let begun = schedule.begun;
        let at = |millis: f64| begun + Duration::from_secs_f64(millis / 1e3);
        assert_eq!(schedule.due(at(0.0)), 1);
        assert_eq!(schedule.due(at(0.9)), 1);
        assert_eq!(schedule.due(at(4.5)), 5);
        assert_eq!(schedule.due(at(99.0)), 10, "no more than the time holds");
        assert_eq!(schedule.overdue(at(0.5), Duration::from_millis(1)), 0);
        assert_eq!(schedule.overdue(at(4.5), Duration::from_millis(1)), 4);
        assert_eq!(schedule.time_of(4), at(4.0));
        assert_eq!(schedule.take(7), 0);
        assert_eq!((schedule.take(3), schedule.is_over()), (7, true));
    }

    #[test]
    fn recorded_gaps_are_kept_and_divided_by_the_pace() {
        // Three arrivals, 4 and 2 ms apart; the round is 9 ms long.
        let arrivals = Arc::new(Arrivals::of(&[7_000_000, 11_000_000, 13_000_000]).unwrap());
        for (pace, [one, other]) in [(1, [4, 6]), (2, [2, 3])] {
            let mut offer = Offer::recorded(&arrivals, pace);
            let schedule = offer.schedule(Duration::from_millis(9) / pace);
            let after = |millis| schedule.begun + Duration::from_millis(millis);
            assert_eq!(schedule.total, 3);
            assert_eq!([1, 2].map(|number| schedule.time_of(number)), [one, other].map(after));
            assert_eq!([0, one - 1, one, other].map(|it| schedule.due(after(it))), [1, 1, 2, 3]);
            assert_eq!(schedule.overdue(after(one), Duration::from_millis(1)), 1);
        }
    }

    #[test]
    fn a_recording_goes_on_in_the_next_stretch_and_begins_again_at_its_end() {
        let arrivals = Arc::new(Arrivals::of(&[0, 4_000_000, 6_000_000]).unwrap());
        let mut offer = Offer::recorded(&arrivals, 1);
        let mut times = Vec::new();
        for stretch in 0..5 {
            let schedule = offer.schedule(Duration::from_millis(4));
            let due = (0..schedule.total).map(|number| schedule.time_of(number) - schedule.begun);
            times.extend(due.map(|after| after.as_millis() + stretch * 4));
        }
        assert_eq!(times, [0, 4, 6, 9, 13, 15, 18]);
    }

    #[test]
    fn clients_share_a_recording_without_losing_any_of_it() {
        let arrivals = Arc::new(Arrivals::of(&(0..10).collect::<Vec<_>>()).unwrap());
        let all = Offer::recorded(&arrivals, 1);
        let shares = all.shared_by(3).map(|mut share| {
            let Times::Each(times) = share.schedule(Duration::from_nanos(10)).times else {
                panic!("recorded times are given one by one");
            };
            times
        });
        let shares: Vec<_> = shares.collect();
        assert_eq!(shares, [vec![0, 3, 6, 9], vec![1, 4, 7], vec![2, 5, 8]]);
    }
}
