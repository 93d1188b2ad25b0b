//! What the user writes on the command side: an aggregate.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Event;
use crate::identity::{AggregateId, CommandKey};
use crate::position::Timestamp;

/// One consistency boundary: a state, the commands it takes, and the events it is folded from.
///
/// The engine keeps every aggregate of a kind hot in memory, owned by one writer. A command is
/// decided against the state as it is, its events are evolved into the state, and both reach the
/// caller only when the events are on disk. `Default` is the aggregate before its first event.
///
/// The state must serialise the same way every time (no hash maps with random order): its bytes
/// are what a snapshot stores and what the state digest is taken over.
pub trait Aggregate:
    Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The stable name of this kind on disk. Never change it once events are journaled.
    const KIND: &'static str;

    /// The shape of the state. Raise it when the fields change: snapshots of another shape are
    /// not read but rebuilt from events.
    const STATE_VERSION: u16 = 1;

    /// What tells two aggregates of this kind apart: `u64`, `u128`, `Uuid` or `String`, or a
    /// newtype of the user's over one of them.
    type Id: AggregateId;
    /// An imperative intent. Its serialised form is the fingerprint behind a command key.
    type Command: Serialize + Send + 'static;
    /// What happened, in the past tense.
    type Event: Event;
    /// Why a command was not accepted.
    type Refusal: Debug + Clone + PartialEq + Serialize + Send + Sync + 'static;

    /// Checks the command against the state and records the events that follow from it.
    ///
    /// Recording nothing accepts the command without a change. What was recorded before a refusal
    /// is discarded. Must be deterministic: time and key come from `cx`, nothing else from
    /// outside. A panic refuses the command and changes nothing.
    ///
    /// # Errors
    /// The refusal, when a business rule forbids the command.
    fn decide(
        &self,
        command: Self::Command,
        cx: &mut Context<Self::Event>,
    ) -> Result<(), Self::Refusal>;

    /// Folds one event into the state. It cannot fail: what is recorded has happened.
    ///
    /// Where it panics the command is refused, and the whole state is folded anew from snapshot and
    /// journal, beside the old one, to get this aggregate back as it was: until then no command is
    /// taken up, and memory holds both.
    fn evolve(&mut self, event: &Self::Event);
}

/// What a decision may know of the outside, and where it records its events.
#[derive(Debug)]
pub struct Context<E> {
    now: Timestamp,
    key: Option<CommandKey>,
    events: Vec<E>,
}

impl<E> Context<E> {
    /// A context outside an engine, for unit tests of `decide`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { now, key: None, events: Vec::new() }
    }

    /// When the command was taken up; the time its events will carry.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The command key, when the caller gave one: a deterministic source for new ids.
    #[must_use]
    pub const fn key(&self) -> Option<CommandKey> {
        self.key
    }

    /// Records that this happened. Events are journaled in the order they are recorded.
    pub fn record(&mut self, event: E) {
        self.events.push(event);
    }

    /// What has been recorded so far.
    #[must_use]
    pub fn recorded(&self) -> &[E] {
        &self.events
    }

    /// Makes the context fit for the next command; the buffer is kept.
    pub(crate) fn begin(&mut self, now: Timestamp, key: Option<CommandKey>) {
        self.now = now;
        self.key = key;
        self.events.clear();
    }
}
