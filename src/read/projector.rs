//! Folds durable events into one view on a thread of its own, and fails alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use hotledger_journal::Batch;

use crate::aggregate::Aggregate;
use crate::clock::Clock;
use crate::decode::Decoder;
use crate::feed::{Fed, FeedReader};
use crate::limits::{EVENTS_GATHERED_MAX, PROJECTOR_BACKOFF, SHOWN_AFTER, SHOWN_COST_TIMES};
use crate::panics::message_of;
use crate::position::{Position, Timestamp};
use crate::read::progress::Progress;
use crate::read::registry::ReaderEntry;
use crate::view::Recorded;

/// Where a projector puts what it reads: a whole view or a keyed table.
pub(crate) trait Projection<A: Aggregate>: Send {
    /// Takes one event.
    ///
    /// # Errors
    /// The message of a panic; the projection is then as it was at some earlier position.
    fn project(&mut self, recorded: Recorded<A>) -> Result<(), Box<str>>;

    /// Shows readers everything up to `position`.
    ///
    /// # Errors
    /// The message of a panic in an event taken before.
    fn publish(&mut self, position: Position) -> Result<Published, Box<str>>;

    /// Goes back to the last state that was whole; its position, or `None` while a reader is in
    /// the way.
    fn fall_back(&mut self) -> Option<Position>;

    /// Whether it cannot take more before it has been published.
    fn is_full(&self) -> bool;

    /// Told before each batch, which begins behind `from`, how it may be taken; answers how it is.
    fn prepare(&mut self, wish: Taking, from: Position) -> Taking;

    /// After a failure: shows readers what was taken before it, up to `position`, as far as that
    /// is known to be good.
    fn rescue(&mut self, position: Position);
}

/// How the events of a batch are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taking {
    /// What an event does is done when it is taken; published behind the batch.
    OneByOne,
    /// What events do may be done together when they are published, now and then.
    Gathered,
}

/// Whether readers see the newest state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Published {
    Yes,
    /// A reader still looks at the copy that would be written next; try again.
    Later,
}

/// One projector: reader, decoder, projection.
pub(crate) struct Projector<A: Aggregate, P> {
    feed: FeedReader,
    decoder: Decoder<A>,
    projection: P,
    progress: Arc<Progress>,
    clock: Arc<dyn Clock>,
    /// When gathered events are to be published, on the monotonic clock; `None` one by one.
    due_at: Option<Duration>,
    unpublished: bool,
    backoff: Duration,
    /// After a failure, until the projection is back at a whole state.
    fallen: bool,
    /// After a failure: publish event by event up to here, to stop right before the culprit.
    careful_until: Position,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Again,
    /// Nothing to do before there is a new batch, or (if given) before this time is over.
    Idle(Option<Duration>),
    /// Failed; step again after this pause.
    Pause(Duration),
    /// The engine is closed and everything has been projected.
    Done,
}

/// How long to wait for a reader that keeps a copy busy.
const PUBLISH_RETRY: Duration = Duration::from_millis(1);

impl<A: Aggregate, P: Projection<A>> Projector<A, P> {
    pub(crate) fn new(
        feed: FeedReader,
        decoder: Decoder<A>,
        projection: P,
        progress: Arc<Progress>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            feed,
            decoder,
            projection,
            progress,
            clock,
            due_at: None,
            unpublished: false,
            backoff: PROJECTOR_BACKOFF.0,
            fallen: false,
            careful_until: Position::ORIGIN,
        }
    }

    /// Takes the next batch if there is one, and shows it to the readers.
    pub(crate) fn step(&mut self) -> Step {
        if self.progress.is_closing() {
            // Nobody waits for what is still to come.
            return Step::Done;
        }
        if self.fallen && !self.stand_up() {
            return Step::Pause(PUBLISH_RETRY);
        }
        match self.feed.poll() {
            Ok(Fed::Batch(batch)) => self.catch(|this| this.take(&batch)),
            Ok(Fed::CaughtUp) => match self.catch(Self::publish) {
                Step::Again => self.idle(),
                failed => failed,
            },
            Ok(Fed::Closed) => match self.catch(Self::publish) {
                // A reader that will not let go keeps the older state; nobody waits for it.
                Step::Again => Step::Done,
                failed => failed,
            },
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn catch(&mut self, work: impl FnOnce(&mut Self) -> Result<(), String>) -> Step {
        // The user's code is caught where it is called, but for what decodes an event.
        let worked = catch_unwind(AssertUnwindSafe(|| work(self)));
        match worked.unwrap_or_else(|panic| Err(message_of(panic.as_ref()).into())) {
            Ok(()) => Step::Again,
            Err(why) => self.fail(why),
        }
    }

    fn take(&mut self, batch: &Batch) -> Result<(), String> {
        self.decoder.use_names(batch.names());
        let skipped = self.progress.skipped();
        let taking = self.prepare();
        for entry in batch.entries() {
            let entry = entry.map_err(|error| error.to_string())?;
            let end = Position::after(entry.first_position() + u64::from(entry.event_count()));
            if end <= self.feed.next() {
                continue;
            }
            self.progress.works_on(Timestamp(entry.time()), self.feed.fallbacks());
            if self.progress.is_closing() {
                return Ok(());
            }
            for event in entry.events() {
                let event = event.map_err(|error| error.to_string())?;
                let position = Position::at(event.position);
                if position <= self.feed.next() {
                    continue;
                }
                if !skipped.contains(&position) {
                    let recorded = self.decoder.decode_recorded(&entry, &event);
                    if let Some(recorded) = recorded.map_err(|error| error.to_string())? {
                        self.projection.project(recorded)?;
                    }
                }
                self.took(position)?;
            }
        }
        match taking {
            Taking::OneByOne => self.publish(),
            Taking::Gathered => self.publish_if_due(),
        }
    }

    /// Lets the projection gather while it comes through history, but not on the way back to a
    /// failure: there each event is to meet its own panic, so that the culprit is found.
    fn prepare(&mut self) -> Taking {
        let from = self.feed.next();
        let may_gather = self.feed.is_behind() && from >= self.careful_until;
        let wish = if may_gather { Taking::Gathered } else { Taking::OneByOne };
        let taking = self.projection.prepare(wish, from);
        self.due_at = match taking {
            Taking::OneByOne => None,
            Taking::Gathered => {
                self.due_at.or_else(|| Some(self.clock.monotonic() + SHOWN_AFTER.0))
            }
        };
        taking
    }

    /// Publishes gathered events when it is time; asked once behind each batch of them.
    fn publish_if_due(&mut self) -> Result<(), String> {
        let gathered = self.feed.next().events().saturating_sub(self.progress.position().events());
        let now = self.clock.monotonic();
        if gathered < EVENTS_GATHERED_MAX && self.due_at.is_some_and(|due| now < due) {
            return Ok(());
        }
        self.publish()?;
        let shown = self.clock.monotonic();
        let rest =
            (shown.saturating_sub(now) * SHOWN_COST_TIMES).clamp(SHOWN_AFTER.0, SHOWN_AFTER.1);
        self.due_at = Some(shown + rest);
        Ok(())
    }

    fn took(&mut self, position: Position) -> Result<(), String> {
        self.feed.handled(position);
        self.unpublished = true;
        if position <= self.careful_until {
            self.publish()?;
        }
        while self.projection.is_full() && !self.progress.is_closing() {
            self.publish()?;
            if self.projection.is_full() {
                // A reader is in the way: give it a moment.
                std::thread::sleep(PUBLISH_RETRY);
            }
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), String> {
        let position = self.feed.next();
        if !self.unpublished {
            return Ok(());
        }
        if self.projection.publish(position)? == Published::Yes {
            self.unpublished = false;
            self.progress.reach(position);
            if position >= self.careful_until {
                self.recover();
            }
        }
        Ok(())
    }

    fn recover(&mut self) {
        self.progress.recover();
        self.backoff = PROJECTOR_BACKOFF.0;
    }

    /// Everything durable has been taken.
    fn idle(&mut self) -> Step {
        if self.unpublished {
            return Step::Idle(Some(PUBLISH_RETRY));
        }
        if self.careful_until > self.feed.next() {
            // The failure came up behind the last event, and does not any more.
            self.careful_until = self.feed.next();
            self.recover();
        }
        Step::Idle(None)
    }

    /// Goes back to the last whole state; `false` while a reader is in the way.
    fn stand_up(&mut self) -> bool {
        let Some(whole) = self.projection.fall_back() else { return false };
        self.feed.rewind(whole);
        self.unpublished = false;
        self.fallen = false;
        true
    }

    /// Stops at the last whole state and asks to be tried again, ever less often.
    fn fail(&mut self, why: String) -> Step {
        self.progress.fail(why);
        if self.unpublished {
            let (projection, next) = (&mut self.projection, self.feed.next());
            // To show what was taken, or to drop it, may panic as well: why is told already.
            let _ = catch_unwind(AssertUnwindSafe(|| projection.rescue(next)));
        }
        self.careful_until = Position::after(self.feed.next().events() + 1);
        self.fallen = true;
        let pause = self.backoff;
        self.backoff = (self.backoff * 2).min(PROJECTOR_BACKOFF.1);
        Step::Pause(pause)
    }
}

/// A projector without its type, and its place among the engine's readers.
pub(crate) struct ProjectorStage {
    projector: Box<dyn Stepping>,
    entry: ReaderEntry,
}

trait Stepping: Send {
    fn step(&mut self) -> Step;
    fn sleep(&mut self, timeout: Option<Duration>);
}

impl<A: Aggregate, P: Projection<A>> Stepping for Projector<A, P> {
    fn step(&mut self) -> Step {
        Self::step(self)
    }

    fn sleep(&mut self, timeout: Option<Duration>) {
        self.feed.sleep(timeout);
    }
}

impl ProjectorStage {
    pub(crate) fn new<A: Aggregate, P: Projection<A> + 'static>(
        projector: Projector<A, P>,
        entry: ReaderEntry,
    ) -> Self {
        Self { projector: Box::new(projector), entry }
    }

    pub(crate) fn step(&mut self) -> Step {
        self.projector.step()
    }

    /// Waits until a step would find something to do, no longer than this.
    pub(crate) fn sleep(&mut self, timeout: Option<Duration>) {
        self.projector.sleep(timeout);
    }

    /// Takes what the feed still has, until there is no more or it fails.
    pub(crate) fn finish(&mut self) {
        while self.step() == Step::Again {}
    }

    pub(crate) fn progress(&self) -> &Arc<Progress> {
        self.entry.progress()
    }
}
