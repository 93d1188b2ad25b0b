//! What is simulated: an application on hotledger, and what its owner says must hold of it.

use hotledger::TransactReceipt;
use hotledger::{Builder, Engine, ExecuteError, Pending, Position, RawRecorded, Receipt};

use crate::dice::Dice;

/// An application under test.
///
/// The simulator opens an engine as `build` says, on a disk and a clock of its own, and lets
/// `send` put commands to it while stages are stepped in any order, the disk fails and the power
/// is cut. What the engine promises is checked without being asked for; `holds` adds what the
/// application promises.
pub trait Subject {
    /// Registers aggregates, views and tables.
    fn build(&self, builder: Builder) -> Builder;

    /// Sends what the dice say, and leaves whatever will be answered in the outbox.
    fn send(&mut self, engine: &Engine, dice: &mut Dice, outbox: &mut Outbox);

    /// What was sent under this tag was answered. `durable` is how far the engine said that its
    /// events are on disk when the answer was there.
    ///
    /// # Errors
    /// What is wrong with the answer.
    fn answered(&mut self, tag: u64, outcome: &Outcome, durable: Position) -> Result<(), String> {
        let _ = (tag, outcome, durable);
        Ok(())
    }

    /// The process ended, by a crash or in good order, and will begin again: whatever the
    /// application holds in memory only is gone.
    fn ended(&mut self) {}

    /// Looks at the engine in the middle of things. `history` is every event that is durable, in
    /// order; views may be behind it, and must never be ahead.
    ///
    /// # Errors
    /// What does not hold.
    fn glance(&mut self, engine: &Engine, history: &[RawRecorded]) -> Result<(), String> {
        let _ = (engine, history);
        Ok(())
    }

    /// Looks at the engine when nothing is under way: every command was answered or lost with a
    /// crash, and every view has caught up with `history`.
    ///
    /// # Errors
    /// What does not hold.
    fn holds(&mut self, engine: &Engine, history: &[RawRecorded]) -> Result<(), String>;
}

/// How a command ended, as its caller was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is on disk, whatever happens.
    Committed(Receipt),
    /// It provably had no effect, for reasons of the application.
    Rejected(String),
    /// It provably had no effect: there was no room for it, in memory or on disk.
    NoRoom,
    /// Nobody can say before the engine is opened again.
    Unknown,
}

impl Outcome {
    /// Sorts what a command was answered.
    pub fn of<R: std::fmt::Debug>(answer: Result<Receipt, ExecuteError<R>>) -> Self {
        match answer {
            Ok(receipt) => Self::Committed(receipt),
            Err(ExecuteError::Halted(_) | ExecuteError::TimedOut) => Self::Unknown,
            Err(ExecuteError::Overloaded | ExecuteError::StorageFull) => Self::NoRoom,
            Err(error) => Self::Rejected(error.to_string()),
        }
    }
}

/// Commands that were sent and not yet answered.
#[derive(Default)]
pub struct Outbox {
    waiting: Vec<(u64, Poll)>,
}

/// Asks for one answer, again and again until it is there.
type Poll = Box<dyn FnMut() -> Option<Outcome>>;

impl Outbox {
    /// Waits for the answer to one command.
    pub fn command<R: std::fmt::Debug + 'static>(
        &mut self,
        tag: u64,
        pending: Pending<Receipt, R>,
    ) {
        self.pending(tag, pending, Outcome::of);
    }

    /// Waits for the answer to one transaction.
    pub fn transaction<R: std::fmt::Debug + 'static>(
        &mut self,
        tag: u64,
        pending: Pending<TransactReceipt, R>,
    ) {
        self.pending(tag, pending, |answer| Outcome::of(answer.map(|told| told.receipt)));
    }

    /// Waits until `poll` has an answer.
    pub fn poll(&mut self, tag: u64, poll: impl FnMut() -> Option<Outcome> + 'static) {
        self.waiting.push((tag, Box::new(poll)));
    }

    /// How many answers are waited for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no answer is waited for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes out what has been answered, in the order it was sent.
    pub(crate) fn answered(&mut self) -> Vec<(u64, Outcome)> {
        let mut answered = Vec::new();
        self.waiting.retain_mut(|(tag, poll)| match poll() {
            Some(outcome) => {
                answered.push((*tag, outcome));
                false
            }
            None => true,
        });
        answered
    }

    /// Gives up on the rest: the engine is gone.
    pub(crate) fn lost(&mut self) -> Vec<u64> {
        self.waiting.drain(..).map(|(tag, _)| tag).collect()
    }

    fn pending<T: 'static, R: std::fmt::Debug + 'static>(
        &mut self,
        tag: u64,
        pending: Pending<T, R>,
        sort: fn(Result<T, ExecuteError<R>>) -> Outcome,
    ) {
        let mut pending = Some(pending);
        self.poll(tag, move || {
            let ready = pending.as_ref().is_some_and(Pending::is_ready);
            if ready { pending.take().map(|pending| sort(pending.wait())) } else { None }
        });
    }
}
