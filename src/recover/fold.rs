//! Folds stored batches into state and keys: the one piece of code that turns events into state.

use hotledger_journal::{Batch, Cursor, Reader};

use crate::error::OpenError;
use crate::keys::Keys;
use crate::position::{Position, Timestamp};
use crate::state::{Blueprint, State};

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
        for entry in batch.entries() {
            let entry = entry?;
            if last < Position::after(entry.first_position() + 1) && entry.event_count() > 0 {
                return Ok(());
            }
            let mut last_version = None;
            for event in entry.events() {
                let event = event?;
                let position = Position::at(event.position);
                if position > last {
                    return Ok(());
                }
                assert!(position.events() == self.position.events() + 1, "positions are gapless");
                self.state.fold(&event)?;
                self.position = position;
                self.tail_events += 1;
                last_version = Some(event.version);
            }
            self.time = self.time.max(Timestamp(entry.head().time));
            self.keys.replay(batch, &entry, last_version);
        }
        self.keys.record_chain(batch.sequence(), batch.chain());
        self.tail_bytes += batch.stored_bytes();
        self.cursor = Some(batch.cursor_after());
        Ok(())
    }
}
