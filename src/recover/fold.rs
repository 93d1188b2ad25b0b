//! Folds stored batches into state and keys: the one piece of code that turns events into state.

use hotledger_journal::{
    Batch, Cursor, Entry, Error as JournalError, Event as StoredEvent, Reader,
};

use crate::ahead::read_ahead;
use crate::error::OpenError;
use crate::identity::CommandKey;
use crate::keys::Keys;
use crate::limits::{GROUP, READ_AHEAD_AFTER};
use crate::position::{Position, Timestamp};
use crate::state::{Blueprint, State};

/// What was read of the journal, or why not.
type Read<T> = Result<T, JournalError>;

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

    /// Folds everything the reader has.
    pub(crate) fn fold_all(&mut self, reader: &mut Reader) -> Result<(), OpenError> {
        while let Some(batch) = reader.next()? {
            self.fold_batch(&batch, Position::after(u64::MAX))?;
        }
        Ok(())
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
        while self.position < last {
            let Some(batch) = reader.next()? else { break };
            self.fold_batch(&batch, last)?;
        }
        Ok(())
    }

    /// Folds one batch, events after `last` left out.
    pub(crate) fn fold_batch(&mut self, batch: &Batch, last: Position) -> Result<(), OpenError> {
        self.state.use_names(batch);
        let (mut entries, mut group) = (batch.entries(), Vec::with_capacity(GROUP));
        let (mut events, mut hashes) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
        loop {
            group.extend(entries.by_ref().take(GROUP));
            if group.is_empty() {
                break;
            }
            events.extend(group.iter().flatten().flat_map(Entry::events));
            self.foresee(&group, &events, &mut hashes);
            let mut events = events.drain(..);
            for entry in group.drain(..) {
                if !self.fold_entry(batch, &entry?, &mut events, last)? {
                    // Of an entry that was folded, and goes on behind its last event.
                    return events.next().map_or(Ok(()), |event| Ok(event.map(drop)?));
                }
            }
            // An entry that goes on behind its last event says so behind it.
            events.next().transpose()?;
        }
        self.keys.record_chain(batch.sequence(), batch.chain());
        self.tail_bytes += batch.stored_bytes();
        self.cursor = Some(batch.cursor_after());
        Ok(())
    }

    /// Has the processor fetch what these entries will look up, all at once, as the writer does.
    fn foresee(
        &self,
        group: &[Read<Entry<'_>>],
        events: &[Read<StoredEvent<'_>>],
        hashes: &mut Vec<Option<(usize, u64)>>,
    ) {
        hashes.clear();
        hashes.extend(events.iter().map(|event| self.state.hash(event.as_ref().ok()?)));
        let touched = hashes.iter().zip(events).fold(0, |all, both| match both {
            (Some(hash), Ok(event)) => all ^ self.state.touch(*hash, event),
            _ => all,
        });
        // Without a use the fetches would be left out.
        let _ = std::hint::black_box(touched);
        let keys = group.iter().flatten().filter_map(|entry| entry.head().key.as_ref());
        let _ = self.keys.foresee(keys.map(|key| CommandKey(key.key)));
    }

    /// Folds one entry with its events, which come first among `events`; `false` where it goes
    /// beyond `last`.
    fn fold_entry<'a>(
        &mut self,
        batch: &Batch,
        entry: &Entry<'_>,
        events: &mut impl Iterator<Item = Read<StoredEvent<'a>>>,
        last: Position,
    ) -> Result<bool, OpenError> {
        if last < Position::after(entry.first_position() + 1) && entry.event_count() > 0 {
            return Ok(false);
        }
        let mut last_version = None;
        for _ in 0..entry.event_count() {
            let event = events.next().expect("an entry has as many as it says, or an error")?;
            let position = Position::at(event.position);
            if position > last {
                return Ok(false);
            }
            assert!(position.events() == self.position.events() + 1, "positions are gapless");
            self.state.fold(&event)?;
            self.position = position;
            self.tail_events += 1;
            last_version = Some(event.version);
        }
        self.time = self.time.max(Timestamp(entry.head().time));
        self.keys.replay(batch, entry, last_version);
        Ok(true)
    }
}
