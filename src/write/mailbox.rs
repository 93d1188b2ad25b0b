//! Where commands wait for the writer: bounded, and full is an answer.

use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::durable::DurableLine;
use crate::error::HaltReason;
use crate::keys::Keys;
use crate::write::desk::Desk;
use crate::write::doorbell::Bell;

/// One command on its way through the writer, whatever its aggregate.
///
/// The same box carries the command in, waits for the disk and tells the answer, so a one-shot
/// command is allocated once.
pub(crate) trait Errand: Send {
    /// Settles the command; the outcome stays inside.
    fn settle(&mut self, desk: &mut Desk<'_>);
    /// Tells the outcome, now that all it rests on is durable.
    fn tell(self: Box<Self>, line: &DurableLine, keys: &Keys);
    /// Tells that the engine stopped before the outcome was known.
    fn halt(self: Box<Self>, reason: &HaltReason);
}

/// A session's way through the writer: a ring of commands in, a ring of answers out.
pub(crate) trait Lane: Send {
    /// Settles up to `budget` commands; how many it was.
    fn settle(&mut self, desk: &mut Desk<'_>, budget: usize) -> usize;
    /// Tells every outcome that rests on durable batches only.
    fn tell(&mut self, line: &DurableLine, keys: &Keys);
    /// Tells everyone who waits that the engine has stopped.
    fn halt(&mut self, reason: &HaltReason);
    fn has_work(&self) -> bool;
    /// Whether the session is gone and nothing of it is left.
    fn is_finished(&self) -> bool;
}

/// What reaches the writer from outside.
pub(crate) enum Message {
    Errand(Box<dyn Errand>),
    Lane(Box<dyn Lane>),
    /// Finish what has been taken up, seal the journal, stop.
    Close,
}

/// The writer's end: what has been put in, in the order it came.
pub(crate) struct Inbox {
    pub(crate) messages: Receiver<Message>,
}

/// The callers' end.
#[derive(Clone)]
pub(crate) struct Mailbox {
    messages: Sender<Message>,
    bell: Bell,
    halted: Arc<OnceLock<HaltReason>>,
}

/// Why a message was not taken in.
pub(crate) enum NotTaken {
    Full,
    Halted(HaltReason),
}

pub(crate) fn mailbox(
    max: usize,
    bell: Bell,
    halted: Arc<OnceLock<HaltReason>>,
) -> (Mailbox, Inbox) {
    // Without any room nobody could even ask the writer to close.
    let (sender, messages) = bounded(max.max(1));
    (Mailbox { messages: sender, bell, halted }, Inbox { messages })
}

impl Mailbox {
    /// Takes a command in unless the mailbox is full or the engine has stopped.
    pub(crate) fn enqueue(&self, errand: Box<dyn Errand>) -> Result<(), NotTaken> {
        if let Some(reason) = self.halted.get() {
            return Err(NotTaken::Halted(reason.clone()));
        }
        match self.messages.try_send(Message::Errand(errand)) {
            Ok(()) => {
                self.bell.ring();
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(NotTaken::Full),
            Err(TrySendError::Disconnected(_)) => Err(NotTaken::Halted(self.halt_reason())),
        }
    }

    /// Takes in what may wait for room: a new session, or the order to close.
    pub(crate) fn deliver(&self, message: Message) {
        // A writer that is gone needs neither.
        let _ = self.messages.send(message);
        self.bell.ring();
    }

    pub(crate) fn halted(&self) -> Option<&HaltReason> {
        self.halted.get()
    }

    pub(crate) fn halt_reason(&self) -> HaltReason {
        self.halted.get().cloned().unwrap_or_else(HaltReason::gone)
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    pub(crate) fn depth(&self) -> usize {
        self.messages.len()
    }
}
