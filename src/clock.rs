//! The only place that asks what time it is.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::position::Timestamp;

/// Where the engine gets the time of its events from.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch. It may jump: the writer never lets event time go back.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, for waiting: it never jumps and never goes back. That of the
    /// machine unless a simulator makes its own.
    fn monotonic(&self) -> Duration {
        START.elapsed()
    }
}

/// The moment that the machine's monotonic time is counted from.
static START: LazyLock<Stamp> = LazyLock::new(Stamp::now);

/// The clock of the machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
        };
        Timestamp(nanos)
    }
}

/// A clock that stands still until it is set, for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Sets the time, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Release);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Acquire))
    }
}

/// A point on the monotonic clock as others see it.
pub(crate) type Moment = Instant;

/// A point on the monotonic clock, for waiting and for measuring; never for the time of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp(Instant);

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
impl Stamp {
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn instant(self) -> Moment {
        self.0
    }

    /// From an earlier stamp to this one.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// What is left of `whole` since this stamp; zero when it has passed.
    pub(crate) fn remaining(self, whole: Duration) -> Duration {
        whole.saturating_sub(self.elapsed())
    }
}
