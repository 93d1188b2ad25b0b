//! A catch-up subscription: history first, then live events, without a gap.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hotledger_journal::{Batch, EntryHead, Event as StoredEvent, Names};

use crate::aggregate::Aggregate;
use crate::clock::Stamp;
use crate::decode::Decoder;
use crate::error::{OpenError, ReadError};
use crate::feed::{Fed, FeedReader};
use crate::identity::{AggregateId, CommandKey};
use crate::position::{Position, Timestamp, Version};
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

/// An event of any kind, its payload as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRecorded {
    /// The aggregate's kind.
    pub kind: String,
    /// The aggregate's id, as text.
    pub id: String,
    /// The event's type.
    pub event_type: String,
    /// The schema version its payload was written with.
    pub schema: u16,
    /// The version of the aggregate after the event.
    pub version: Version,
    /// The position of the event in the whole journal.
    pub position: Position,
    /// When its command was taken up.
    pub time: Timestamp,
    /// The key of its command.
    pub key: Option<CommandKey>,
    /// MessagePack, a map with named fields.
    pub payload: Vec<u8>,
}

/// Which events a subscription is after, and in what form it hands them out.
pub(crate) trait Selection: Send {
    type Item;
    fn use_names(&mut self, batch: &Batch);
    fn select(
        &mut self,
        head: &EntryHead,
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
        head: &EntryHead,
        event: &StoredEvent<'_>,
    ) -> Result<Option<Recorded<A>>, OpenError> {
        if self.only.as_ref().is_some_and(|only| only.stream() != event.id) {
            return Ok(None);
        }
        self.decoder.decode_recorded(head, event)
    }
}

/// Every event of every kind.
#[derive(Default)]
pub(crate) struct All {
    names: Option<Arc<Names>>,
}

impl Selection for All {
    type Item = RawRecorded;

    fn use_names(&mut self, batch: &Batch) {
        self.names = Some(Arc::clone(batch.names()));
    }

    fn select(
        &mut self,
        head: &EntryHead,
        event: &StoredEvent<'_>,
    ) -> Result<Option<RawRecorded>, OpenError> {
        let names = self.names.as_ref().expect("use_names comes before select");
        let name = |id| names.get(id).unwrap_or("(no name)").to_owned();
        Ok(Some(RawRecorded {
            kind: name(event.kind),
            id: event.id.to_string(),
            event_type: name(event.event_type),
            schema: event.schema,
            version: Version(event.version),
            position: Position::at(event.position),
            time: Timestamp(head.time),
            key: head.key.as_ref().map(|key| CommandKey(key.key)),
            payload: event.payload.to_vec(),
        }))
    }
}

/// Delivers events in order on the thread that asks for them. It has no thread of its own, and a
/// slow one costs the writer nothing: it reads from the journal what it could not take in time.
pub struct Subscription<T> {
    feed: FeedReader,
    selection: Box<dyn Selection<Item = T>>,
    /// Decoded and not handed out yet, each with its position.
    ready: VecDeque<(Position, T)>,
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
        let (ready, failed, told_caught_up) = (VecDeque::new(), None, false);
        Self { feed, selection, ready, delivered, failed, told_caught_up, entry }
    }

    /// Waits for the next delivery; `None` once the engine is closed and all is delivered.
    ///
    /// # Errors
    /// The journal cannot be read, or an event cannot be decoded. The same event comes again.
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
    pub fn next_within(&mut self, wait: Duration) -> Result<Option<Delivery<T>>, ReadError> {
        let started = Stamp::now();
        loop {
            let left = started.remaining(wait);
            if let Some(delivery) = self.step(Some(left))? {
                return Ok(delivery);
            }
            // What has just come is handed out, however little time there was.
            if left.is_zero() && self.ready.is_empty() && self.failed.is_none() {
                return Ok(None);
            }
        }
    }

    /// Up to here everything was delivered: subscribe again after it to go on without a gap.
    #[must_use]
    pub fn position(&self) -> Position {
        if self.ready.is_empty() { self.feed.next() } else { self.delivered }
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
        // Only a subscription that has said so may wait; the others look whether it is true.
        let fed = if self.told_caught_up { self.feed.wait(wait)? } else { self.feed.poll()? };
        match fed {
            Fed::Batch(batch) => {
                if let Err(error) = self.take(&batch) {
                    // What was handled stays handled; the event that failed comes again.
                    self.feed.rewind(self.feed.next());
                    self.failed = Some(error.into());
                }
                self.told_caught_up &= self.feed.next() >= self.feed.durable();
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

    fn take(&mut self, batch: &Batch) -> Result<(), OpenError> {
        self.selection.use_names(batch);
        let progress = self.entry.progress();
        for entry in batch.entries() {
            let entry = entry?;
            progress.works_on(Timestamp(entry.head().time), self.feed.fallbacks());
            for event in entry.events() {
                let event = event?;
                let position = Position::at(event.position);
                if position > self.feed.next() {
                    let selected = self.selection.select(entry.head(), &event)?;
                    self.ready.extend(selected.map(|item| (position, item)));
                    self.feed.handled(position);
                }
            }
        }
        progress.reach(self.feed.next());
        Ok(())
    }
}

impl<T> Iterator for Subscription<T> {
    type Item = Result<Delivery<T>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_wait().transpose()
    }
}
