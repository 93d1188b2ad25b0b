//! How a thread waits for work that is about to come: spin, then yield, then park.

use std::hint;
use std::thread;
use std::time::Duration;

use crate::clock::Stamp;
use crate::limits::SPIN;

/// How the writer and its callers wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wait {
    /// Spin and yield for about one sync, then park. For almost everyone.
    #[default]
    Adaptive,
    /// Never park. Lowest latency; takes a whole core for the writer, so have one to spare.
    Spin,
    /// Park at once. Costs a wake-up (some 20 µs) on every hop and no idle CPU at all.
    Park,
}

/// One stretch of waiting; made anew whenever there was work.
pub(crate) struct Patience {
    wait: Wait,
    looks: u32,
    since: Option<Stamp>,
}

/// Looks between two yields. A look is a few nanoseconds, so this is below a microsecond.
const LOOKS_PER_YIELD: u32 = 64;

/// A yield to nobody is a system call of less than a microsecond.
const YIELD_MAX: Duration = Duration::from_micros(30);

impl Patience {
    pub(crate) fn new(wait: Wait) -> Self {
        Self { wait, looks: 0, since: None }
    }

    /// Waits a moment; `false` once it is time to park.
    ///
    /// It yields rather than spin on: with few cores the kernel's own workers, which finish the
    /// write that everybody waits for, need one of them.
    pub(crate) fn pause(&mut self) -> bool {
        if self.wait == Wait::Park {
            return false;
        }
        self.looks += 1;
        if !self.looks.is_multiple_of(LOOKS_PER_YIELD) {
            hint::spin_loop();
            return true;
        }
        let since = *self.since.get_or_insert_with(Stamp::now);
        let before = since.elapsed();
        thread::yield_now();
        let after = since.elapsed();
        // Somebody else had the core: whoever yields gets it back a scheduler's slice later, but
        // whoever sleeps is woken at once.
        let alone = after - before < YIELD_MAX;
        self.wait == Wait::Spin || (alone && after < SPIN)
    }
}
