//! The snapshot builder: a recovery that writes its result down, beside the running writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hotledger_journal::JournalReads;
use uuid::Uuid;

use crate::clock::Stamp;
use crate::ease;
use crate::error::OpenError;
use crate::limits::SNAPSHOT_EVERY_EVENTS;
use crate::position::Position;
use crate::recover::replay::{History, Loaded, Recipe};
use crate::recover::snapshot;

/// When a snapshot is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotPolicy {
    /// After this many events.
    Events(u64),
    /// After this many journal bytes.
    Bytes(u64),
    /// When a recovery, at the speed measured last, would take longer than this.
    RecoveryTime(Duration),
    /// Never; every recovery replays from zero.
    Never,
}

impl Default for SnapshotPolicy {
    fn default() -> Self {
        Self::Events(SNAPSHOT_EVERY_EVENTS)
    }
}

/// The point at which the next snapshot is due; the writer compares, the builder moves it.
pub(crate) struct Due {
    events: AtomicU64,
    bytes: AtomicU64,
    /// Bytes that became durable since the engine opened.
    written: AtomicU64,
}

impl Due {
    /// Notes a durable batch; whether a snapshot is due now. Costs a few plain loads and stores.
    pub(crate) fn wrote(&self, end_position: u64, batch_bytes: u64) -> bool {
        let written = self.written.load(Ordering::Relaxed) + batch_bytes;
        self.written.store(written, Ordering::Relaxed);
        self.is_reached(end_position)
    }

    /// Nothing is due while it is being built: whoever builds looks again at the end, and a ring
    /// would only wake it from a rest.
    fn silence(&self) {
        self.events.store(u64::MAX, Ordering::Relaxed);
        self.bytes.store(u64::MAX, Ordering::Relaxed);
    }

    fn is_reached(&self, events: u64) -> bool {
        events >= self.events.load(Ordering::Relaxed)
            || self.written.load(Ordering::Relaxed) >= self.bytes.load(Ordering::Relaxed)
    }
}

/// Builds snapshots. It reads the journal like anyone else and never touches the writer.
pub(crate) struct SnapshotBuilder {
    policy: SnapshotPolicy,
    recipe: Recipe,
    reads: JournalReads,
    journal_id: Uuid,
    due: Arc<Due>,
    built: u64,
    speed: Speed,
}

/// What a recovery was seen to cost.
struct Speed {
    load: Duration,
    ns_per_event: f64,
}

/// Assumed before anything was measured: slow, so that the first snapshot comes early.
const NS_PER_EVENT_ASSUMED: f64 = 1_000.0;

/// A shorter tail says nothing about the speed, and no target asks for a snapshot sooner.
const TAIL_EVENTS_MIN: u64 = 10_000;

impl Speed {
    fn measure(&mut self, load: Duration, fold: Duration, events: u64) {
        self.load = load;
        if events >= TAIL_EVENTS_MIN {
            self.ns_per_event = fold.as_nanos() as f64 / events as f64;
        }
    }

    /// Events that a recovery can fold beside loading the snapshot.
    fn events_within(&self, target: Duration) -> u64 {
        let left = target.saturating_sub(self.load).as_nanos() as f64;
        ((left / self.ns_per_event) as u64).max(TAIL_EVENTS_MIN)
    }
}

impl SnapshotBuilder {
    /// A builder that goes on from what recovery found: the snapshot it started from and the
    /// journal bytes behind it.
    pub(crate) fn new(
        policy: SnapshotPolicy,
        recipe: Recipe,
        history: (JournalReads, Uuid),
        (built, tail_bytes): (Option<Position>, u64),
    ) -> Self {
        let (reads, journal_id) = history;
        let due = Arc::new(Due {
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            written: AtomicU64::new(0),
        });
        let built = built.map_or(0, Position::events);
        let speed = Speed { load: Duration::ZERO, ns_per_event: NS_PER_EVENT_ASSUMED };
        let builder = Self { policy, recipe, reads, journal_id, due, built, speed };
        builder.schedule();
        builder.due.written.store(tail_bytes, Ordering::Relaxed);
        builder
    }

    pub(crate) fn due(&self) -> Arc<Due> {
        Arc::clone(&self.due)
    }

    /// Builds what is due. Derived data: what keeps one from being built is said, and no more.
    pub(crate) fn build_due(&mut self) {
        while self.is_due() {
            if let Err(error) = self.step() {
                tracing::error!(%error, "a snapshot could not be built");
                return;
            }
            // If the next one is due by now, it cannot keep up with the writer and rest as well.
            ease::hurry();
        }
    }

    /// Whether the durable end of the journal asks for a snapshot.
    pub(crate) fn is_due(&self) -> bool {
        let durable = self.reads.durable_position();
        durable > self.built && self.due.is_reached(durable)
    }

    /// Builds one snapshot of the batch that holds the present durable end; its position, or `None`
    /// if there is nothing that could be written down.
    pub(crate) fn step(&mut self) -> Result<Option<Position>, OpenError> {
        self.due.silence();
        let built = self.build();
        self.schedule();
        built
    }

    fn build(&mut self) -> Result<Option<Position>, OpenError> {
        // A writer that is faster than who works at ease is not followed any further.
        let end = Position::after(self.reads.durable_position());
        let (started, rested) = (Stamp::now(), ease::rested());
        let worked = || started.elapsed().saturating_sub(ease::rested() - rested);
        let history = History::Live(self.reads.clone(), self.journal_id);
        let Loaded { mut folded, mut reader, .. } = history.load(&self.recipe)?;
        let loaded = worked();
        folded.fold_batches(&mut reader, end)?;
        self.speed.measure(loaded, worked() - loaded, folded.tail_events);
        let bytes = snapshot::encode(&folded, self.journal_id);
        let position = folded.position;
        self.built = position.events();
        let Some(bytes) = bytes else {
            tracing::warn!(%position, "no snapshot while an aggregate is quarantined");
            return Ok(None);
        };
        if let Err(error) = self.recipe.shelf.put(position, &bytes) {
            // Derived data: the engine goes on, and the next one may work.
            tracing::warn!(%position, %error, "a snapshot could not be written");
            return Ok(None);
        }
        tracing::info!(
            %position, bytes = bytes.len(), elapsed = ?started.elapsed(), "snapshot written"
        );
        Ok(Some(position))
    }

    fn schedule(&self) {
        let (events, bytes) = match self.policy {
            SnapshotPolicy::Events(every) => (self.built.saturating_add(every.max(1)), u64::MAX),
            SnapshotPolicy::Bytes(every) => {
                (u64::MAX, self.due.written.load(Ordering::Relaxed).saturating_add(every.max(1)))
            }
            SnapshotPolicy::RecoveryTime(target) => {
                (self.built.saturating_add(self.speed.events_within(target)), u64::MAX)
            }
            SnapshotPolicy::Never => (u64::MAX, u64::MAX),
        };
        self.due.events.store(events, Ordering::Relaxed);
        self.due.bytes.store(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_rung_for_what_is_being_built() {
        let due = Due {
            events: AtomicU64::new(10),
            bytes: AtomicU64::new(100),
            written: AtomicU64::new(0),
        };
        assert!(!due.wrote(9, 50));
        assert!(due.wrote(10, 1) && due.wrote(9, 60), "by events, and by bytes");
        due.silence();
        assert!(!due.wrote(11, 1_000));
    }
}
