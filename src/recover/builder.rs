//! The snapshot builder: a recovery that writes its result down, beside the running writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hotledger_journal::JournalReads;
use uuid::Uuid;

use crate::clock::Stamp;
use crate::ease;
use crate::error::OpenError;
use crate::limits::{EASE_LAG_MAX, SNAPSHOT_EVERY_EVENTS};
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
    /// Never. One that is there is still recovered from.
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

/// What lies between two snapshots, by whichever comes first.
#[derive(Clone, Copy)]
struct Interval {
    events: u64,
    bytes: u64,
}

impl Interval {
    const ENDLESS: Self = Self { events: u64::MAX, bytes: u64::MAX };
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

    /// The same with rests, the shorter the further the writer is ahead of what is being built: a
    /// machine with nothing to spare gives up its ease and not the length of the tail.
    pub(crate) fn build_due_at_ease(&mut self, mut rest: impl FnMut(Duration) -> bool + 'static) {
        let lag = self.lag();
        let shortened = move |full: Duration| full.mul_f64(1.0 - lag() / EASE_LAG_MAX);
        ease::at_ease(move |full| rest(shortened(full)), || self.build_due());
    }

    /// How far the writer is ahead of here, in intervals between two snapshots; at most
    /// [`EASE_LAG_MAX`].
    fn lag(&self) -> impl Fn() -> f64 + 'static {
        let (reads, due, every) = (self.reads.clone(), self.due(), self.interval());
        let written = move || due.written.load(Ordering::Relaxed);
        let (began, began_written) = (reads.durable_position(), written());
        move || {
            let events = (reads.durable_position() - began) as f64 / every.events as f64;
            let bytes = (written() - began_written) as f64 / every.bytes as f64;
            events.max(bytes).min(EASE_LAG_MAX)
        }
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
        let Interval { events, bytes } = self.interval();
        let written = self.due.written.load(Ordering::Relaxed);
        self.due.events.store(self.built.saturating_add(events), Ordering::Relaxed);
        self.due.bytes.store(written.saturating_add(bytes), Ordering::Relaxed);
    }

    fn interval(&self) -> Interval {
        match self.policy {
            SnapshotPolicy::Events(every) => Interval { events: every.max(1), ..Interval::ENDLESS },
            SnapshotPolicy::Bytes(every) => Interval { bytes: every.max(1), ..Interval::ENDLESS },
            SnapshotPolicy::RecoveryTime(target) => {
                Interval { events: self.speed.events_within(target), ..Interval::ENDLESS }
            }
            SnapshotPolicy::Never => Interval::ENDLESS,
        }
    }
}

#[cfg(test)]
mod tests;
