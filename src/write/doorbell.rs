//! Wakes a thread that went to sleep, and costs next to nothing while it is awake.

use std::time::Duration;

use crate::sync::{Arc, AtomicBool, Ordering, Parker, Unparker, fence};

/// The sleeping side; one thread owns it.
pub(crate) struct Sleeper {
    parker: Parker,
    asleep: Arc<AtomicBool>,
}

/// The waking side; any number of threads hold one.
#[derive(Clone)]
pub(crate) struct Bell {
    unparker: Unparker,
    asleep: Arc<AtomicBool>,
}

pub(crate) fn doorbell() -> (Sleeper, Bell) {
    let parker = Parker::new();
    let asleep = Arc::new(AtomicBool::new(false));
    let bell = Bell { unparker: parker.unparker().clone(), asleep: Arc::clone(&asleep) };
    (Sleeper { parker, asleep }, bell)
}

impl Sleeper {
    /// Parks until the bell rings or the time is over, unless there is something to do already.
    ///
    /// The flag is raised before `ready` looks, and a caller looks at the flag after it has put
    /// its work where `ready` sees it; with a full fence on both sides one of them always notices.
    pub(crate) fn sleep_unless(&self, ready: impl FnOnce() -> bool, timeout: Option<Duration>) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !ready() {
            match timeout {
                Some(timeout) => self.parker.park_timeout(timeout),
                None => self.parker.park(),
            }
        }
        self.asleep.store(false, Ordering::Relaxed);
    }
}

impl Bell {
    /// Call after the work is visible.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.unparker.unpark();
        }
    }
}
