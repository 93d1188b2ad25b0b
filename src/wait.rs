//! How a thread waits for work that is about to come: spin, then yield, then park.

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};
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
    /// Never park. Lowest latency; the writer takes a whole core, and so does every caller that
    /// waits, so have some to spare.
    Spin,
    /// Park at once. Costs a wake-up (some 20 µs) on every hop and no idle CPU at all.
    Park,
}

/// How many of the next waits park at once, because the cores are shared with others.
static CROWDED_WAITS: AtomicU32 = AtomicU32::new(0);

/// Waits that park after a yield that took long. With two scanning readers on two cores every such
/// yield costs a scheduler's slice, 4 ms; this makes it one in so many.
const WAITS_PARKED: u32 = 1_000;

/// Counts a wait; exactness does not matter, so threads may overwrite each other.
fn is_crowded() -> bool {
    let left = CROWDED_WAITS.load(Ordering::Relaxed);
    if left > 0 {
        CROWDED_WAITS.store(left - 1, Ordering::Relaxed);
    }
    left > 0
}

/// One stretch of waiting; made anew whenever there was work.
pub(crate) struct Patience {
    wait: Wait,
    looks: u32,
    /// The cores are shared at the moment: park at once.
    crowded: bool,
    since: Option<Stamp>,
}

/// Looks between two yields. A look is a few nanoseconds, so this is below a microsecond.
const LOOKS_PER_YIELD: u32 = 64;

/// A yield to nobody is a system call of less than a microsecond, one to the kernel's own workers
/// takes some tens of them; somebody who shares the core has it for a slice, 0.7 ms at least.
const YIELD_MAX: Duration = Duration::from_micros(500);

impl Patience {
    pub(crate) fn new(wait: Wait) -> Self {
        Self { wait, looks: 0, crowded: wait == Wait::Adaptive && is_crowded(), since: None }
    }

    /// Waits a moment; `false` once it is time to park.
    ///
    /// It yields rather than spin on: with few cores the kernel's own workers, which finish the
    /// write that everybody waits for, need one of them.
    pub(crate) fn pause(&mut self) -> bool {
        if self.wait == Wait::Park || self.crowded {
            return false;
        }
        self.looks = self.looks.wrapping_add(1);
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
        if after - before >= YIELD_MAX {
            CROWDED_WAITS.store(WAITS_PARKED, Ordering::Relaxed);
            return self.wait == Wait::Spin;
        }
        self.wait == Wait::Spin || after < SPIN
    }

    /// Whether the last look yielded: the moment for what need not be done often.
    pub(crate) fn has_yielded(&self) -> bool {
        self.looks.is_multiple_of(LOOKS_PER_YIELD)
    }

    /// Waits a moment for a write that is under way; `false` once it is time to sleep in the
    /// kernel until it is done.
    ///
    /// It yields at every look, and a yield that takes long is no sign of a crowd: those who get
    /// the core are the kernel's own, and finish the write.
    pub(crate) fn pause_for_write(&mut self) -> bool {
        if self.wait == Wait::Park || self.crowded {
            return false;
        }
        let since = *self.since.get_or_insert_with(Stamp::now);
        thread::yield_now();
        self.wait == Wait::Spin || since.elapsed() < SPIN
    }
}
