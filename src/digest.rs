//! Takes the state digest inside a running writer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use oneshot::{Receiver, Sender};

use crate::durable::DurableLine;
use crate::error::HaltReason;
use crate::keys::Keys;
use crate::panics::message_of;
use crate::position::Position;
use crate::state::StateDigest;
use crate::write::{Desk, Errand};

type Answer = Result<(Position, StateDigest), HaltReason>;

/// Asks the writer for the digest of its state; told like any answer, once all of it is durable.
pub(crate) struct DigestErrand {
    taken: Option<Answer>,
    reply: Sender<Answer>,
}

impl DigestErrand {
    pub(crate) fn new() -> (Self, Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        (Self { taken: None, reply }, answer)
    }
}

impl Errand for DigestErrand {
    fn settle(&mut self, desk: &mut Desk<'_>) {
        let digest = catch_unwind(AssertUnwindSafe(|| desk.state.digest()));
        let digest = digest.map_err(|panic| HaltReason::new(message_of(panic.as_ref())));
        self.taken = Some(digest.map(|digest| (desk.head(), digest)));
    }

    fn tell(self: Box<Self>, _: &DurableLine, _: &Keys) {
        // A caller that no longer waits has said so by dropping its end.
        let _ = self.reply.send(self.taken.expect("settled before it is told"));
    }

    fn halt(self: Box<Self>, reason: &HaltReason) {
        let _ = self.reply.send(Err(reason.clone()));
    }
}
