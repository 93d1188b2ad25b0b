//! When the commands of an open loop are due, whatever became of those before.

use std::time::{Duration, Instant};

/// Commands at even distances, numbered from 0.
///
/// Latency counted from the time a command was due has no coordinated omission (Gil Tene): who
/// waits in line behind a slow answer waits, and is counted as waiting.
pub(super) struct Schedule {
    begun: Instant,
    per_s: f64,
    total: u64,
    taken: u64,
}

impl Schedule {
    /// As many as fit into this time, the first one at once.
    pub(super) fn new(per_s: f64, length: Duration) -> Self {
        let total = (length.as_secs_f64() * per_s).ceil() as u64;
        Self { begun: Instant::now(), per_s, total, taken: 0 }
    }

    /// How many are due by now and not taken.
    pub(super) fn due(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.begun).as_secs_f64();
        ((since * self.per_s) as u64 + 1).min(self.total).saturating_sub(self.taken)
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
        self.begun + Duration::from_nanos((number as f64 * 1e9 / self.per_s) as u64)
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
        let mut schedule = Schedule::new(1_000.0, Duration::from_millis(10));
        let at = |millis: f64| schedule.begun + Duration::from_secs_f64(millis / 1e3);
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
}
