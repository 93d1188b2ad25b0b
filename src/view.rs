//! What the user writes on the read side: a view over one kind of aggregate.

use std::hash::Hash;

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::identity::CommandKey;
use crate::position::{Position, Timestamp, Version};
use crate::rows::Rows;

/// One event as it stands in the journal: what happened, to whom, where in the order, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<A: Aggregate> {
    /// The aggregate it happened to.
    pub id: A::Id,
    /// The version of that aggregate after the event.
    pub version: Version,
    /// The position of the event in the whole journal.
    pub position: Position,
    /// When its command was taken up.
    pub time: Timestamp,
    /// The key of its command.
    pub key: Option<CommandKey>,
    /// What ties everything together that one outside request set off.
    pub correlation: Option<Uuid>,
    /// The event or message that caused the command.
    pub causation: Option<Uuid>,
    /// What happened.
    pub event: A::Event,
}

/// A whole view: a fold of events into one value that readers see at one position.
///
/// Two copies of it are kept (left-right), so that readers never wait and never see half a change;
/// each event is therefore projected twice and must do the same both times. Reading costs 7
/// to 30 ns; memory is twice the view. A copy is cloned from the other only after a panic.
pub trait View<A: Aggregate>: Default + Clone + Send + Sync + 'static {
    /// Folds one event. Called on the projector's own thread, in order, without a gap.
    fn project(&mut self, recorded: &Recorded<A>);
}

/// A keyed table: a fold of events into rows that are read one by one.
///
/// Rows live in a lock-free map. Each row is always whole, but two rows may be read at two
/// positions: what must agree across keys belongs in a [`View`]. While a table comes through
/// history, its rows are shown now and then, each as its last event left it.
pub trait Table<A: Aggregate>: Default + Send + 'static {
    /// What a row is found by.
    type Key: Hash + Eq + Clone + Send + Sync + 'static;
    /// What a reader gets; a clone of it leaves the table.
    type Row: Clone + Send + Sync + 'static;

    /// Folds one event into the rows. `self` may hold what the projection itself needs to know.
    fn project(&mut self, recorded: &Recorded<A>, rows: &Rows<Self::Key, Self::Row>);
}
