//! A catch-up subscription: history first, then live events, without a gap.

use std::collections::VecDeque;
use std::time::Duration;

use hotledger_journal::{Batch, Bookmark, Entry, Event as StoredEvent};

use crate::aggregate::Aggregate;
use crate::clock::Stamp;
use crate::decode::Decoder;
use crate::error::{OpenError, ReadError};
use crate::feed::{Fed, FeedReader};
use crate::identity::AggregateId;
use crate::limits::GROUP;
use crate::position::{Position, Timestamp};
use crate::read::registry::ReaderEntry;
use crate::view::Recorded;

/// What a subscription delivers.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery<T> {
    /// The next event, in the one total order.
    Event(T),
    /// Everything that was durable at this position has been delivered; what follows is live.
    /// Said once when it first comes true, and again after every time it fell behind.
    CaughtUp(Position),
}

/// Which events a subscription is after, and in what form it hands them out.
pub(crate) trait Selection: Send {
    type Item;
    fn use_names(&mut self, batch: &Batch);
    fn select(
        &mut self,
        entry: &Entry<'_>,
        event: &StoredEvent<'_>,
    ) -> Result<Option<Self::Item>, OpenError>;
}

/// The events of one kind, or of one aggregate of it.
pub(crate) struct Typed<A: Aggregate> {
    decoder: Decoder<A>,
    only: Option<A::Id>,
}

impl<A: Aggregate> Typed<A> {
    pub(crate) fn new(decoder: Decoder<A>, only: Option<A::Id>) -> Self {
        Self { decoder, only }
    }
}

impl<A: Aggregate> Selection for Typed<A> {
    type Item = Recorded<A>;

    fn use_names(&mut self, batch: &Batch) {
        self.decoder.use_names(batch.names());
    }

    fn select(
        &mut self,
        entry: &Entry<'_>,
        event: &StoredEvent<'_>,
    ) -> Result<Option<Recorded<A>>, OpenError> {
        if self.only.as_ref().is_some_and(|only| only.stream() != event.id) {
            return Ok(None);
        }
        self.decoder.decode_recorded(entry, event)
    }
}

/// Delivers events in order on the thread that asks for them. It has no thread of its own, and a
/// slow one costs the writer nothing: it reads from the journal what it could not take in time.
pub struct Subscription<T> {
    feed: FeedReader,
    selection: Box<dyn Selection<Item = T>>,
    /// Decoded and not handed out yet, each with its position.
    ready: VecDeque<(Position, T)>,
    /// The batch that is being decoded, and from where on.
    taken: Option<(Batch, Bookmark)>,
    /// Up to here everything was handed out.
    delivered: Position,
    /// Told once what was decoded before it has been handed out.
    failed: Option<ReadError>,
    told_caught_up: bool,
    entry: ReaderEntry,
}

impl<T> Subscription<T> {
    pub(crate) fn new(
        feed: FeedReader,
        selection: impl Selection<Item = T> + 'static,
        entry: ReaderEntry,
    ) -> Self {
        let selection = Box::new(selection);
        let delivered = feed.next();
        entry.progress().reach(delivered);
        let (ready, taken, failed) = (VecDeque::with_capacity(GROUP), None, None);
        let told_caught_up = false;
        Self { feed, selection, ready, taken, delivered, failed, told_caught_up, entry }
    }

    /// Waits for the next delivery; `None` once the engine is closed and all is delivered.
    ///
    /// # Errors
    /// The journal cannot be read, or an event cannot be decoded. The same event comes again.
    ///
    /// # Panics
    /// Where the `Deserialize` of an event does. The same event comes again then as well.
    pub fn next_wait(&mut self) -> Result<Option<Delivery<T>>, ReadError> {
        loop {
            if let Some(delivery) = self.step(None)? {
                return Ok(delivery);
            }
        }
    }

    /// Waits for the next delivery no longer than this; `None` when there was none.
    ///
    /// # Errors
    /// As [`Subscription::next_wait`].
    ///
    /// # Panics
    /// As [`Subscription::next_wait`].
    pub fn next_within(&mut self, wait: Duration) -> Result<Option<Delivery<T>>, ReadError> {
        let started = Stamp::now();
        loop {
            let left = started.remaining(wait);
            if let Some(delivery) = self.step(Some(left))? {
                return Ok(delivery);
            }
            // What has just come is handed out, however little time there was.
            if left.is_zero() && !self.holds_something() {
                return Ok(None);
            }
        }
    }

    /// Up to here everything was delivered: subscribe again after it to go on without a gap.
    #[must_use]
    pub fn position(&self) -> Position {
        if self.ready.is_empty() { self.feed.next() } else { self.delivered }
    }

    /// Whether there may be something to hand out that the feed need not be asked for.
    fn holds_something(&self) -> bool {
        !self.ready.is_empty() || self.failed.is_some() || self.taken.is_some()
    }

    /// A delivery, `Some(None)` at the end of everything, `None` if there was none in time.
    fn step(&mut self, wait: Option<Duration>) -> Result<Option<Option<Delivery<T>>>, ReadError> {
        if let Some((position, item)) = self.ready.pop_front() {
            self.delivered = position;
            return Ok(Some(Some(Delivery::Event(item))));
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        // A clone, so that it is still there after a panic in the user's Deserialize.
        if let Some((batch, from)) = self.taken.clone() {
            let rest = self.decode(&batch, from).unwrap_or_else(|error| {
                // What was handled stays handled; the event that failed comes again.
                self.feed.rewind(self.feed.next());
                self.failed = Some(error.into());
                self.told_caught_up = false;
                None
            });
            self.taken = rest.map(|rest| (batch, rest));
            if self.holds_something() {
                return Ok(None);
            }
            // There was nothing left of it: whoever has no time to wait is not told so instead of
            // what comes next.
        }
        // Only a subscription that has said so may wait; the others look whether it is true.
        let fed = if self.told_caught_up { self.feed.wait(wait)? } else { self.feed.poll()? };
        match fed {
            Fed::Batch(batch) => {
                self.told_caught_up &= batch.end_position() >= self.feed.durable().events();
                self.selection.use_names(&batch);
                let first = batch.entries().bookmark();
                self.taken = Some((batch, first));
                Ok(None)
            }
            Fed::CaughtUp if !self.told_caught_up => {
                self.told_caught_up = true;
                Ok(Some(Some(Delivery::CaughtUp(self.feed.next()))))
            }
            Fed::CaughtUp => Ok(None),
            Fed::Closed => Ok(Some(None)),
        }
    }

    /// Decodes the next few entries, and not the whole batch: that would push what was decoded
    /// first out of the processor's cache before it is handed out. Where the rest begins, if there
    /// is any.
    fn decode(&mut self, batch: &Batch, from: Bookmark) -> Result<Option<Bookmark>, OpenError> {
        let progress = self.entry.progress();
        let mut entries = batch.entries_behind(from);
        while let Some(entry) = entries.next().transpose()? {
            progress.works_on(Timestamp(entry.time()), self.feed.fallbacks());
            for event in entry.events() {
                let event = event?;
                let position = Position::at(event.position);
                if position > self.feed.next() {
                    let selected = self.selection.select(&entry, &event)?;
                    self.ready.extend(selected.map(|item| (position, item)));
                    self.feed.handled(position);
                }
            }
            if self.ready.len() >= GROUP {
                progress.reach(self.feed.next());
                return Ok(Some(entries.bookmark()));
            }
        }
        progress.reach(self.feed.next());
        Ok(None)
    }
}

impl<T> Iterator for Subscription<T> {
    type Item = Result<Delivery<T>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_wait().transpose()
    }
}
