//! A journal directory that is only looked at: states, digests and events, no engine.

use std::sync::Arc;

use hotledger_journal::{Disk, Recovery};
use uuid::Uuid;

use crate::error::{OpenError, ReadError};
use crate::position::Position;
use crate::read::{At, Past};
use crate::recover::{History, Loaded, Recipe};
use crate::state::StateDigest;

/// Whether to start from snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// From the newest snapshot that can be trusted.
    Snapshot,
    /// From the first event, whatever snapshots there are.
    Zero,
}

/// A state digest, and how it was come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestReport {
    /// The position it was taken at.
    pub position: Position,
    /// The digest.
    pub digest: StateDigest,
    /// The snapshot it started from.
    pub snapshot: Option<Position>,
    /// Events folded after it.
    pub tail_events: u64,
}

/// A directory opened for looking only. No byte is changed (a `lock` file that is missing is made),
/// and no engine can run beside it.
pub struct Archive {
    history: History,
    recipe: Recipe,
}

impl Archive {
    pub(crate) fn open(disk: Arc<dyn Disk>, recipe: Recipe) -> Result<Self, OpenError> {
        recipe.blueprint.empty_state()?;
        let recovery = Recovery::begin_read_only(disk)?;
        let id = recovery.journal_id().unwrap_or_else(Uuid::nil);
        Ok(Self { history: History::Still(Arc::new(recovery), id), recipe })
    }

    /// The identity of the journal; nil where there is none yet.
    #[must_use]
    pub fn journal_id(&self) -> Uuid {
        self.history.journal_id()
    }

    /// An aggregate as it was: see [`Past`].
    #[must_use]
    pub fn as_of(&self, at: impl Into<At>) -> Past {
        Past::new(self.history.clone(), at.into())
    }

    /// The digest over the whole state, now or at a position.
    ///
    /// # Errors
    /// The position lies ahead of the last event; the journal cannot be read.
    pub fn digest(&self, at: Option<Position>, from: From) -> Result<DigestReport, ReadError> {
        let last = at.unwrap_or(Position::after(u64::MAX));
        let Loaded { mut folded, mut reader, snapshot, .. } = match from {
            From::Snapshot => self.history.load_until(&self.recipe, last)?,
            From::Zero => Loaded {
                folded: self.recipe.empty()?,
                reader: self.history.reader(None)?,
                snapshot: None,
                rejected: Vec::new(),
            },
        };
        folded.fold_until(&mut reader, last)?;
        if let Some(wanted) = at.filter(|wanted| *wanted > folded.position) {
            return Err(ReadError::Ahead { wanted, head: folded.position });
        }
        Ok(DigestReport {
            position: folded.position,
            digest: folded.state.digest(),
            snapshot,
            tail_events: folded.tail_events,
        })
    }
}
