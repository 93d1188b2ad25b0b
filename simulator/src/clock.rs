//! The clock of a simulated machine: it moves when it is told, and the time of day may jump.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use hotledger::{Clock, Timestamp};

/// Stands still between two moves. The time of day can be set back; the monotonic time cannot.
#[derive(Debug)]
pub struct SimulatedClock {
    day: AtomicI64,
    monotonic_ns: AtomicU64,
}

/// Where simulated days begin: some Wednesday of 2025, in nanoseconds.
const DAY_ONE: i64 = 1_735_689_600_000_000_000;

impl SimulatedClock {
    /// A clock at the start of day one.
    #[must_use]
    pub fn new() -> Self {
        Self { day: AtomicI64::new(DAY_ONE), monotonic_ns: AtomicU64::new(0) }
    }

    /// Lets time pass.
    pub fn advance(&self, passed: Duration) {
        let ns = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
        self.monotonic_ns.fetch_add(ns, Ordering::SeqCst);
        self.jump(i64::try_from(ns).unwrap_or(i64::MAX));
    }

    /// Sets the time of day forwards or backwards by so many nanoseconds, as a badly kept machine
    /// does.
    pub fn jump(&self, ns: i64) {
        let day = self.day.load(Ordering::SeqCst).saturating_add(ns);
        self.day.store(day, Ordering::SeqCst);
    }
}

impl Default for SimulatedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.day.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic_ns.load(Ordering::SeqCst))
    }
}
