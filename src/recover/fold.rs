//! Folds stored batches into state and keys: the one piece of code that turns events into state.

use hotledger_journal::{
    Batch, Cursor, Entries, Entry, Error as JournalError, Event as StoredEvent, Reader,
};

use crate::ahead::read_ahead;
use crate::ease::breathe;
use crate::error::OpenError;
use crate::identity::CommandKey;
use crate::keys::Keys;
use crate::limits::{GROUP, READ_AHEAD_AFTER};
use crate::position::{Position, Timestamp};
use crate::state::{Blueprint, State};

/// The kind of an event's aggregate and its hash there; `None` for a kind that nobody knows.
type Hash = Option<(usize, u64)>;

/// State, keys and how far they have come. Recovery, the snapshot builder, time travel and the
/// digest all fold with this.
pub(crate) struct Folded {
    pub(crate) state: State,
    pub(crate) keys: Keys,
    /// Everything up to here is folded in.
    pub(crate) position: Position,
    /// The time of the newest entry.
    pub(crate) time: Timestamp,
    /// Where the next batch begins; `None` before the first.
    pub(crate) cursor: Option<Cursor>,
    /// Events folded since this was made or loaded.
    pub(crate) tail_events: u64,
    /// Journal bytes they came in, padding included.
    pub(crate) tail_bytes: u64,
}

impl Folded {
    /// Before the first event.
    pub(crate) fn empty(blueprint: &Blueprint, keys_max: usize) -> Result<Self, OpenError> {
        Ok(Self {
            state: blueprint.empty_state()?,
            keys: Keys::new(keys_max),
            position: Position::ORIGIN,
            time: Timestamp(0),
            cursor: None,
            tail_events: 0,
            tail_bytes: 0,
        })
    }

    /// Folds whole batches until the one that holds this position.
    pub(crate) fn fold_batches(
        &mut self,
        reader: &mut Reader,
        last: Position,
    ) -> Result<(), OpenError> {
        self.fold_between(reader, last, Position::after(u64::MAX))
    }

    /// Folds everything the reader has while others wait for it: of a long history, one thread
    /// reads and verifies ahead of this one.
    pub(crate) fn fold_all_soon(&mut self, reader: &mut Reader) -> Result<(), OpenError> {
        let until = self.tail_bytes + READ_AHEAD_AFTER;
        while self.tail_bytes < until {
            let Some(batch) = reader.next()? else { return Ok(()) };
            self.fold_batch(&batch, Position::after(u64::MAX))?;
        }
        read_ahead(reader, |batch| self.fold_batch(&batch, Position::after(u64::MAX)))
    }

    /// Folds what lies at or before `last`, whole entries or not.
    pub(crate) fn fold_until(
        &mut self,
        reader: &mut Reader,
        last: Position,
    ) -> Result<(), OpenError> {
        self.fold_between(reader, last, last)
    }

    /// Folds batches until one reaches `enough`, events after `last` left out.
    fn fold_between(
        &mut self,
        reader: &mut Reader,
        enough: Position,
        last: Position,
    ) -> Result<(), OpenError> {
        while self.position < enough {
            let Some(batch) = reader.next()? else { break };
            self.fold_batch(&batch, last)?;
        }
        Ok(())
    }

    /// Folds one batch, events after `last` left out.
    pub(crate) fn fold_batch(&mut self, batch: &Batch, last: Position) -> Result<(), OpenError> {
        self.state.use_names(batch);
        let (mut entries, mut group) = (batch.entries(), Group::default());
        while group.fill(&mut entries) {
            breathe();
            self.foresee(&mut group);
            let mut events = group.events.iter().zip(&group.hashes);
            for entry in &group.entries {
                if !self.fold_entry(batch, entry, &mut events, last)? {
                    // What was looked at beyond `last` and is not sound is told all the same.
                    return group.failed.take().map_or(Ok(()), |error| Err(error.into()));
                }
            }
            group.failed.take().map_or(Ok(()), Err)?;
        }
        self.keys.record_chain(batch.sequence(), batch.chain());
        self.tail_bytes += batch.stored_bytes();
        self.cursor = Some(batch.cursor_after());
        Ok(())
    }

    /// Has the processor fetch what these entries will look up, all at once, as the writer does.
    fn foresee(&self, group: &mut Group<'_>) {
        group.hashes.clear();
        for event in &group.events {
            let hash = self.state.hash(event);
            hash.into_iter().for_each(|hash| self.state.foresee(hash));
            group.hashes.push(hash);
        }
        for (before, key) in group.entries.iter().filter_map(Entry::key).enumerate() {
            self.keys.foresee(before, &CommandKey(key.key));
        }
    }

    /// Folds one entry with its events, which come first among `events`; `false` where it goes
    /// beyond `last`. They end early where the group failed.
    fn fold_entry<'e>(
        &mut self,
        batch: &Batch,
        entry: &Entry<'_>,
        events: &mut impl Iterator<Item = (&'e StoredEvent<'e>, &'e Hash)>,
        last: Position,
    ) -> Result<bool, OpenError> {
        if last < Position::after(entry.first_position() + 1) && entry.event_count() > 0 {
            return Ok(false);
        }
        let mut last_version = None;
        for _ in 0..entry.event_count() {
            let Some((event, hash)) = events.next() else { return Ok(true) };
            let position = Position::at(event.position);
            if position > last {
                return Ok(false);
            }
            assert!(position.events() == self.position.events() + 1, "positions are gapless");
            self.state.fold(*hash, event)?;
            self.position = position;
            self.tail_events += 1;
            last_version = Some(event.version);
        }
        self.time = self.time.max(Timestamp(entry.time()));
        self.keys.replay(batch, entry, last_version);
        Ok(true)
    }
}

/// Entries that are folded together, so that what they look up is fetched together.
#[derive(Default)]
struct Group<'a> {
    entries: Vec<Entry<'a>>,
    /// The events of all of them.
    events: Vec<StoredEvent<'a>>,
    /// The aggregate of each event.
    hashes: Vec<Hash>,
    /// What ended the group: it stands behind all that is in it.
    failed: Option<JournalError>,
}

impl<'a> Group<'a> {
    /// Takes the next entries, and those before out; `false` when there are none.
    fn fill(&mut self, entries: &mut Entries<'a>) -> bool {
        self.entries.clear();
        self.events.clear();
        for entry in entries.take(GROUP) {
            let taken = entry.and_then(|entry| {
                let events = entry.events();
                self.entries.push(entry);
                for event in events {
                    self.events.push(event?);
                }
                Ok(())
            });
            if let Err(error) = taken {
                self.failed = Some(error);
                break;
            }
        }
        !self.entries.is_empty() || self.failed.is_some()
    }
}
