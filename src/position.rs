//! Where an event stands: positions in the journal, versions in an aggregate, and time.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A cut through the one total order of events: everything up to and including one event.
///
/// Events are numbered from 0 without a gap. [`Position::ORIGIN`] is the cut before the first
/// event; it is smaller than every other position. On the outside (JSON, `Display`) a position is
/// the index of its last event, and the origin is `null` or `origin`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// How many events lie at or before the cut; the index is one less.
    events: u64,
}

impl Position {
    /// Before the first event.
    pub const ORIGIN: Self = Self { events: 0 };

    /// The cut right after the event with this index.
    ///
    /// # Panics
    /// On `u64::MAX`, which no journal reaches.
    #[must_use]
    pub const fn at(index: u64) -> Self {
        assert!(index < u64::MAX, "no journal holds u64::MAX events");
        Self { events: index + 1 }
    }

    /// The cut that has this many events before it.
    #[must_use]
    pub const fn after(events: u64) -> Self {
        Self { events }
    }

    /// The index of the last event before the cut; `None` for the origin.
    #[must_use]
    pub const fn index(self) -> Option<u64> {
        self.events.checked_sub(1)
    }

    /// How many events lie before the cut.
    #[must_use]
    pub const fn events(self) -> u64 {
        self.events
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index() {
            Some(index) => write!(f, "{index}"),
            None => f.write_str("origin"),
        }
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.index().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = Option::<u64>::deserialize(deserializer)?;
        Ok(index.map_or(Self::ORIGIN, Self::at))
    }
}

/// How many events an aggregate has had; 0 is an aggregate that does not exist yet.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Nanoseconds since the Unix epoch; along the journal it never goes back.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
