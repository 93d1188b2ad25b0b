//! Time travel: an aggregate as it was at a position, at a version, or at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hotledger_journal::{Batch, Event as StoredEvent};

use crate::aggregate::Aggregate;
use crate::decode::Decoder;
use crate::error::{OpenError, ReadError};
use crate::identity::AggregateId;
use crate::panics::message_of;
use crate::position::{Position, Timestamp, Version};
use crate::recover::History;

/// A point in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum At {
    /// Now: everything that is durable.
    #[default]
    Latest,
    /// After the event at this position.
    Position(Position),
    /// When the aggregate that is asked for was at this version.
    Version(Version),
    /// After every event up to and including this time.
    Time(Timestamp),
}

impl From<Position> for At {
    fn from(position: Position) -> Self {
        Self::Position(position)
    }
}

impl From<Version> for At {
    fn from(version: Version) -> Self {
        Self::Version(version)
    }
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// An aggregate as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<A> {
    /// Its state.
    pub state: A,
    /// Its version.
    pub version: Version,
    /// The position of the last of its events that is in the state.
    pub position: Position,
}

/// The engine as it was at one point. Getters only; what is read cannot be written.
pub struct Past {
    history: History,
    at: At,
}

impl Past {
    pub(crate) fn new(history: History, at: At) -> Self {
        Self { history, at }
    }

    /// The aggregate as it was; `None` when it did not exist yet.
    ///
    /// Reads the journal from its start: the cost is that of reading, not of folding, since only
    /// this aggregate's events are decoded.
    ///
    /// # Errors
    /// The position lies ahead of what is durable; the aggregate has no such version; the journal
    /// cannot be read; an event of the aggregate cannot be decoded, or `evolve` panicked over it.
    pub fn aggregate<A: Aggregate>(&self, id: &A::Id) -> Result<Option<Found<A>>, ReadError> {
        let mut found = Search::<A> {
            id,
            at: self.at,
            decoder: Decoder::new()?,
            found: Found { state: A::default(), version: Version(0), position: Position::ORIGIN },
            head: Position::ORIGIN,
        };
        let mut reader = self.history.reader(None)?;
        while let Some(batch) = reader.next()? {
            if !found.take(&batch)? {
                break;
            }
        }
        found.finish()
    }
}

/// Folds the events of one aggregate up to a point.
struct Search<'a, A: Aggregate> {
    id: &'a A::Id,
    at: At,
    decoder: Decoder<A>,
    found: Found<A>,
    head: Position,
}

impl<A: Aggregate> Search<'_, A> {
    /// Folds what the batch holds; `false` once the point has been reached.
    fn take(&mut self, batch: &Batch) -> Result<bool, OpenError> {
        self.decoder.use_names(batch.names());
        for entry in batch.entries() {
            let entry = entry?;
            for event in entry.events() {
                let event = event?;
                let position = Position::at(event.position);
                let past = match self.at {
                    At::Latest => false,
                    At::Position(last) => position > last,
                    At::Version(last) => self.found.version >= last,
                    At::Time(last) => Timestamp(entry.time()) > last,
                };
                if past {
                    return Ok(false);
                }
                self.head = position;
                if event.id == self.id.stream() {
                    self.fold(&event)?;
                }
            }
        }
        Ok(true)
    }

    fn fold(&mut self, stored: &StoredEvent<'_>) -> Result<(), OpenError> {
        if let Some(event) = self.decoder.decode(stored)? {
            let state = &mut self.found.state;
            catch_unwind(AssertUnwindSafe(|| state.evolve(&event))).map_err(|panic| {
                OpenError::Evolve {
                    kind: A::KIND,
                    id: stored.id.to_string(),
                    position: Position::at(stored.position),
                    message: message_of(panic.as_ref()),
                }
            })?;
            self.found.version = Version(stored.version);
            self.found.position = Position::at(stored.position);
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<Found<A>>, ReadError> {
        match self.at {
            At::Position(wanted) if wanted > self.head => {
                Err(ReadError::Ahead { wanted, head: self.head })
            }
            At::Version(wanted) if wanted > self.found.version => {
                Err(ReadError::NoSuchVersion { wanted, newest: self.found.version })
            }
            _ => Ok((self.found.version > Version(0)).then_some(self.found)),
        }
    }
}
