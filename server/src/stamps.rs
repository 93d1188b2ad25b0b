//! When pipelined commands were sent, kept in bursts that share one look at the clock.

use std::collections::VecDeque;
use std::time::Instant;

/// Commands between two looks at the clock, which cost more than a command does.
///
/// A burst is stamped before its first command and its answers after its last, so the latency
/// recorded is never shorter than the true one.
pub(crate) const BURST: u64 = 64;

/// When the commands on their way were sent: a stamp and how many share it.
pub(crate) struct Stamps {
    bursts: VecDeque<(Instant, u64)>,
}

impl Stamps {
    /// Room for this many, allocated now and never again.
    pub(crate) fn with_room_for(commands: usize) -> Self {
        Self { bursts: VecDeque::with_capacity(commands) }
    }

    /// These many commands were just sent.
    pub(crate) fn push(&mut self, now: Instant, commands: u64) {
        if commands > 0 {
            self.bursts.push_back((now, commands));
        }
    }

    /// Takes the oldest commands out, one stamp at a time.
    pub(crate) fn answered(&mut self, mut commands: u64, mut record: impl FnMut(Instant, u64)) {
        while commands > 0
            && let Some((sent, waiting)) = self.bursts.front_mut()
        {
            let taken = commands.min(*waiting);
            record(*sent, taken);
            commands -= taken;
            *waiting -= taken;
            if *waiting == 0 {
                self.bursts.pop_front();
            }
        }
    }
}
