//! A whole view behind left-right: two copies, readers that never wait.

use std::any::Any;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use left_right::{Absorb, ReadGuard, ReadHandle, ReadHandleFactory, WriteHandle};

use crate::aggregate::Aggregate;
use crate::clock::Clock;
use crate::error::ReadError;
use crate::feed::Feeds;
use crate::figures::Lag;
use crate::limits::{READ_AFTER_WAIT, UNPUBLISHED_EVENTS_MAX};
use crate::panics::message_of;
use crate::position::Position;
use crate::read::progress::Progress;
use crate::read::projector::{Projection, Published, Taking};
use crate::view::{Recorded, View};

/// One of the two copies.
#[derive(Clone, Default)]
struct Side<V> {
    view: V,
    position: Position,
    /// A panic was met: the copy is back at its last whole state and takes no more events.
    broken: Option<Box<str>>,
}

/// What is done to both copies, one after the other.
enum Change<A: Aggregate> {
    Event(Recorded<A>),
    Reached(Position),
    Mend,
}

impl<V: View<A>, A: Aggregate> Absorb<Change<A>> for Side<V> {
    fn absorb_first(&mut self, change: &mut Change<A>, other: &Self) {
        if matches!(change, Change::Mend) {
            // The copies may have parted, when only one of them met the panic. From here on both
            // are what readers see now; the other one only has to be told that it is whole.
            *self = Self { broken: None, ..other.clone() };
        } else {
            self.apply(change, other);
        }
    }

    fn absorb_second(&mut self, change: Change<A>, other: &Self) {
        self.apply(&change, other);
    }

    fn sync_with(&mut self, first: &Self) {
        *self = first.clone();
    }
}

impl<V: Clone> Side<V> {
    fn apply<A: Aggregate>(&mut self, change: &Change<A>, other: &Self)
    where
        V: View<A>,
    {
        match change {
            Change::Mend => self.broken = None,
            _ if self.broken.is_some() => {}
            Change::Reached(position) => self.position = *position,
            Change::Event(recorded) => {
                let view = &mut self.view;
                let projected = catch_unwind(AssertUnwindSafe(|| view.project(recorded)));
                if let Err(panic) = projected {
                    // Half a change must not be seen. The other copy has all that was published
                    // before, and ends up there as well when it meets this event.
                    let message = message_of(panic.as_ref());
                    *self = Self { broken: Some(message), ..other.clone() };
                }
            }
        }
    }
}

/// Keeps the writing end alive as long as anyone reads, also after the engine is closed.
type Attic = Arc<Mutex<Option<Box<dyn Any + Send>>>>;

/// The projector's end of a view.
pub(crate) struct WholeView<V: View<A>, A: Aggregate> {
    write: Option<WriteHandle<Side<V>, Change<A>>>,
    held_back: usize,
    /// The position that both copies are told of last.
    reached: Position,
    attic: Attic,
}

impl<V: View<A>, A: Aggregate> WholeView<V, A> {
    /// An empty view: the projector's end, and where readers come from.
    pub(crate) fn new() -> (Self, ViewSource<V>) {
        let (mut write, read) = left_right::new::<Side<V>, Change<A>>();
        // From now on changes go through the log; both copies are empty and equal.
        write.publish();
        let attic = Attic::default();
        let source = ViewSource { handles: read.factory(), attic: Arc::clone(&attic) };
        let (held_back, reached) = (0, Position::ORIGIN);
        (Self { write: Some(write), held_back, reached, attic }, source)
    }

    fn write(&mut self) -> &mut WriteHandle<Side<V>, Change<A>> {
        self.write.as_mut().expect("taken only when dropped")
    }

    fn shown<T>(&self, look: impl FnOnce(&Side<V>) -> T) -> T {
        let write = self.write.as_ref().expect("taken only when dropped");
        look(&write.enter().expect("the writing end is alive"))
    }
}

impl<V: View<A>, A: Aggregate> Projection<A> for WholeView<V, A> {
    fn project(&mut self, recorded: Recorded<A>) -> Result<(), Box<str>> {
        self.write().append(Change::Event(recorded));
        self.held_back += 1;
        Ok(())
    }

    fn publish(&mut self, position: Position) -> Result<Published, Box<str>> {
        if self.reached != position {
            self.reached = position;
            self.write().append(Change::Reached(position));
        }
        if !self.write().try_publish() {
            return Ok(Published::Later);
        }
        self.held_back = 0;
        match self.shown(|side| side.broken.clone()) {
            Some(message) => Err(message),
            None => Ok(Published::Yes),
        }
    }

    fn fall_back(&mut self) -> Option<Position> {
        // What is held back was taken before the failure; it is shown before the way back begins.
        if !self.write().try_publish() {
            return None;
        }
        self.held_back = 0;
        self.write().append(Change::Mend);
        self.reached = self.shown(|side| side.position);
        Some(self.reached)
    }

    fn prepare(&mut self, _: Taking, _: Position) -> Taking {
        Taking::OneByOne
    }

    fn rescue(&mut self, position: Position) {
        // What was taken before the failure is good; if it is not, that is known already.
        let _ = self.publish(position);
    }

    fn is_full(&self) -> bool {
        self.held_back >= UNPUBLISHED_EVENTS_MAX
    }
}

impl<V: View<A>, A: Aggregate> Drop for WholeView<V, A> {
    fn drop(&mut self) {
        if let (Some(write), Ok(mut attic)) = (self.write.take(), self.attic.lock()) {
            *attic = Some(Box::new(write));
        }
    }
}

/// Where the readers of one view come from.
pub(crate) struct ViewSource<V> {
    handles: ReadHandleFactory<Side<V>>,
    attic: Attic,
}

impl<V> ViewSource<V> {
    pub(crate) fn reader(
        &self,
        progress: &Arc<Progress>,
        feeds: &Feeds,
        clock: &Arc<dyn Clock>,
    ) -> ViewReader<V> {
        ViewReader {
            handle: self.handles.handle(),
            progress: Arc::clone(progress),
            feeds: feeds.clone(),
            clock: Arc::clone(clock),
            _attic: Arc::clone(&self.attic),
        }
    }
}

/// Reads one whole view. Each thread has its own: clone it, or ask the engine for another.
///
/// A read costs 7 to 30 ns, never waits and never holds up the writer. A guard that is held keeps
/// newer states from being shown to anyone, so look and let go.
pub struct ViewReader<V> {
    handle: ReadHandle<Side<V>>,
    progress: Arc<Progress>,
    feeds: Feeds,
    clock: Arc<dyn Clock>,
    _attic: Attic,
}

impl<V> Clone for ViewReader<V> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            progress: Arc::clone(&self.progress),
            feeds: self.feeds.clone(),
            clock: Arc::clone(&self.clock),
            _attic: Arc::clone(&self._attic),
        }
    }
}

/// A view as it is at one position.
pub struct ViewGuard<'a, V> {
    side: ReadGuard<'a, Side<V>>,
}

impl<V> ViewGuard<'_, V> {
    /// Everything up to here is in the view, and nothing after it.
    #[must_use]
    pub fn position(&self) -> Position {
        self.side.position
    }
}

impl<V> Deref for ViewGuard<'_, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.side.view
    }
}

impl<V> ViewReader<V> {
    /// The view as it is now.
    #[must_use]
    pub fn read(&self) -> ViewGuard<'_, V> {
        let side = self.handle.enter().expect("this reader keeps the writing end alive");
        ViewGuard { side }
    }

    /// The view once it has this position in it: read your own write with a receipt's position.
    ///
    /// # Errors
    /// `TimedOut` when the view does not get there within [`READ_AFTER_WAIT`].
    pub fn read_after(&self, position: Position) -> Result<ViewGuard<'_, V>, ReadError> {
        self.read_after_within(position, READ_AFTER_WAIT)
    }

    /// As [`ViewReader::read_after`], with a wait of the caller's choice.
    ///
    /// # Errors
    /// `TimedOut` when the view does not get there in time.
    pub fn read_after_within(
        &self,
        position: Position,
        wait: Duration,
    ) -> Result<ViewGuard<'_, V>, ReadError> {
        self.progress.wait_for(position, wait)?;
        Ok(self.read())
    }

    /// How far the view is behind what is durable.
    #[must_use]
    pub fn lag(&self) -> Lag {
        self.progress.lag(self.feeds.durable(), self.clock.now())
    }

    /// Tells a projector that stands still to leave out one event. It is logged, and stands in
    /// the engine's figures until the engine is reopened.
    pub fn skip(&self, position: Position) {
        self.progress.skip(position);
    }
}
