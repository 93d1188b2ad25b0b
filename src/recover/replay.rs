//! Recovery: the newest snapshot that can be trusted, and the journal's tail folded onto it.

use std::sync::Arc;
use std::time::Duration;

use hotledger_journal::{
    Cursor, Disk, Durability, Error as JournalError, Journal, JournalReads, OpenReport,
};
use hotledger_journal::{Options, Reader, Recovery};
use uuid::Uuid;

use crate::clock::Stamp;
use crate::error::OpenError;
use crate::position::Position;
use crate::recover::fold::Folded;
use crate::recover::shelf::Shelf;
use crate::recover::snapshot;
use crate::state::{Blueprint, State};

/// What a recovery did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The snapshot it started from; `None` when it replayed from zero.
    pub snapshot: Option<Position>,
    /// Snapshots that were not used, with the reason.
    pub rejected: Vec<String>,
    /// Events applied after the snapshot.
    pub tail_events: u64,
    /// Bytes behind the last whole batch that a crash had left and nobody had been told of.
    pub torn_bytes: u64,
    /// Whole batches that nobody may have been told of and that were written again.
    pub rewritten_batches: u64,
    /// Where the engine goes on.
    pub position: Position,
    /// Whether the journal was made anew.
    pub created: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What everything that replays needs to know.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) blueprint: Blueprint,
    pub(crate) keys_max: usize,
    pub(crate) shelf: Shelf,
}

/// A state with where it came from, and what follows it.
pub(crate) struct Loaded {
    pub(crate) folded: Folded,
    /// Reads the tail.
    pub(crate) reader: Reader,
    pub(crate) snapshot: Option<Position>,
    pub(crate) rejected: Vec<String>,
}

impl Recipe {
    /// The newest snapshot at or before `last` that can be trusted, else the empty state.
    ///
    /// A snapshot that lies ahead of the journal, or beside it, is not used: the journal is the
    /// authority. `strict` makes it an error: where every answer was synced, the journal has lost
    /// what was acknowledged, or was put back to an older state.
    pub(crate) fn load(
        &self,
        journal: Uuid,
        last: Position,
        read: &dyn Fn(Option<Cursor>) -> Result<Reader, JournalError>,
        strict: bool,
    ) -> Result<Loaded, OpenError> {
        let mut rejected = Vec::new();
        let listed = self.shelf.list().unwrap_or_else(|error| {
            rejected.push(format!("the snapshots cannot be listed: {error}"));
            Vec::new()
        });
        for position in listed.into_iter().filter(|position| *position <= last) {
            let why = match self.read(journal, position) {
                Ok(folded) => match read(folded.cursor) {
                    Ok(reader) => {
                        let snapshot = Some(position);
                        return Ok(Loaded { folded, reader, snapshot, rejected });
                    }
                    Err(JournalError::NotInJournal { what }) if strict => {
                        // Damage where the tail begins hides the snapshot's place just as well:
                        // then it is the damage that must be named.
                        read_through(read(None)?)?;
                        return Err(OpenError::SnapshotAhead { position, what });
                    }
                    Err(JournalError::NotInJournal { what }) => what,
                    Err(error) => return Err(error.into()),
                },
                Err(why) => why.to_string(),
            };
            tracing::warn!(%position, why, "a snapshot is not used");
            rejected.push(format!("snapshot at {position}: {why}"));
        }
        Ok(Loaded { folded: self.empty()?, reader: read(None)?, snapshot: None, rejected })
    }

    pub(crate) fn empty(&self) -> Result<Folded, OpenError> {
        Folded::empty(&self.blueprint, self.keys_max)
    }

    fn read(&self, journal: Uuid, position: Position) -> Result<Folded, snapshot::Unusable> {
        let bytes = self
            .shelf
            .read(position)
            .map_err(|error| snapshot::Unusable::Unreadable(error.to_string()))?;
        let folded = snapshot::decode(&bytes, journal, &self.blueprint, self.keys_max)?;
        if folded.position != position {
            return Err(snapshot::Unusable::Damaged("its name says another position"));
        }
        Ok(folded)
    }
}

/// Verifies everything the reader has.
fn read_through(mut reader: Reader) -> Result<(), JournalError> {
    while reader.next()?.is_some() {}
    Ok(())
}

/// Where stored batches come from: a live journal, or one that nobody writes.
#[derive(Clone)]
pub(crate) enum History {
    Live(JournalReads, Uuid),
    Still(Arc<Recovery>, Uuid),
}

impl History {
    pub(crate) fn journal_id(&self) -> Uuid {
        match self {
            Self::Live(_, id) | Self::Still(_, id) => *id,
        }
    }

    /// The newest snapshot that can be trusted, with a reader of what follows.
    pub(crate) fn load(&self, recipe: &Recipe) -> Result<Loaded, OpenError> {
        self.load_until(recipe, Position::after(u64::MAX))
    }

    /// The newest snapshot at or before `last` that can be trusted.
    pub(crate) fn load_until(&self, recipe: &Recipe, last: Position) -> Result<Loaded, OpenError> {
        recipe.load(self.journal_id(), last, &|cursor| self.reader(cursor), false)
    }

    pub(crate) fn reader(&self, from: Option<Cursor>) -> Result<Reader, JournalError> {
        match (self, from) {
            (Self::Live(reads, _), Some(cursor)) => reads.reader_at(cursor),
            (Self::Live(reads, _), None) => reads.reader_from(0),
            (Self::Still(recovery, _), cursor) => recovery.reader_at(cursor),
        }
    }
}

/// Everything recovered, and the journal open for appends.
pub(crate) struct Recovered {
    pub(crate) folded: Folded,
    pub(crate) journal: Journal,
    pub(crate) report: RecoveryReport,
}

/// Opens the journal: lock, snapshot, tail, fence. Changes nothing on disk before all is proven.
pub(crate) fn recover(
    disk: Arc<dyn Disk>,
    options: Options,
    recipe: &Recipe,
) -> Result<Recovered, OpenError> {
    let started = Stamp::now();
    let strict = options.durability == Durability::Synced;
    let recovery = Recovery::begin(disk, options)?;
    let id = recovery.journal_id().unwrap_or_else(Uuid::nil);
    if let (true, Some(position)) = (recovery.is_new(), recipe.shelf.newest()) {
        let what = "there is no journal".to_owned();
        return Err(OpenError::SnapshotAhead { position, what });
    }
    let read = |cursor| recovery.reader_at(cursor);
    let loaded = recipe.load(id, Position::after(u64::MAX), &read, strict)?;
    let Loaded { mut folded, mut reader, snapshot, rejected } = loaded;
    folded.fold_all_soon(&mut reader)?;
    let (journal, opened) = recovery.finish(reader)?;
    let report = report(&folded, snapshot, rejected, &opened, started.elapsed());
    assert_eq!(
        folded.position.events(),
        opened.next_position,
        "what was folded ends where the journal goes on"
    );
    Ok(Recovered { folded, journal, report })
}

fn report(
    folded: &Folded,
    snapshot: Option<Position>,
    rejected: Vec<String>,
    opened: &OpenReport,
    elapsed: Duration,
) -> RecoveryReport {
    let report = RecoveryReport {
        snapshot,
        rejected,
        tail_events: folded.tail_events,
        torn_bytes: opened.torn_bytes,
        rewritten_batches: opened.rewritten_batches,
        position: folded.position,
        created: opened.created,
        elapsed,
    };
    tracing::info!(
        position = %report.position, tail_events = report.tail_events,
        torn_bytes = report.torn_bytes, created = report.created, ?elapsed, "recovered"
    );
    report
}

/// Folds the whole state again from disk, for an aggregate that can no longer be trusted.
pub(crate) struct Rebuild {
    pub(crate) recipe: Recipe,
    pub(crate) journal_id: Uuid,
}

impl Rebuild {
    /// The state at the durable end. Everything submitted must be durable.
    pub(crate) fn rebuild(&self, reads: &JournalReads) -> Result<State, OpenError> {
        let history = History::Live(reads.clone(), self.journal_id);
        let Loaded { mut folded, mut reader, .. } = history.load(&self.recipe)?;
        folded.fold_all_soon(&mut reader)?;
        Ok(folded.state)
    }
}
