//! How far a reader has come: waited for by callers, watched by the figures.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Stamp;
use crate::error::ReadError;
use crate::figures::{Lag, ReaderStats};
use crate::position::{Position, Timestamp};
use crate::sync::{
    AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering,
    PoisonError, fence,
};
use crate::wait::{Patience, Wait};

/// Shared between one projector and everyone who reads what it projects.
pub(crate) struct Progress {
    pub(crate) name: String,
    position: AtomicU64,
    /// The time of the oldest event that is being worked on.
    works_on: AtomicI64,
    fallbacks: AtomicU64,
    waiters: AtomicUsize,
    closing: AtomicBool,
    lock: Mutex<Notes>,
    reached: Condvar,
}

#[derive(Default)]
struct Notes {
    failure: Option<String>,
    skipped: BTreeSet<Position>,
}

impl Progress {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            position: AtomicU64::new(0),
            works_on: AtomicI64::new(i64::MAX),
            fallbacks: AtomicU64::new(0),
            waiters: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            lock: Mutex::default(),
            reached: Condvar::new(),
        }
    }

    pub(crate) fn position(&self) -> Position {
        Position::after(self.position.load(Ordering::Acquire))
    }

    pub(crate) fn works_on(&self, time: Timestamp, fallbacks: u64) {
        self.works_on.store(time.0, Ordering::Relaxed);
        self.fallbacks.store(fallbacks, Ordering::Relaxed);
    }

    /// Everything up to here can be read. Wakes those who wait; a lock only if there are any.
    ///
    /// The position moves before the waiters are counted, and a waiter is counted before it looks
    /// at the position; with a full fence on both sides one of them always notices.
    pub(crate) fn reach(&self, position: Position) {
        self.position.store(position.events(), Ordering::Release);
        fence(Ordering::SeqCst);
        if self.waiters.load(Ordering::Relaxed) > 0 {
            drop(self.notes());
            self.reached.notify_all();
        }
    }

    /// Waits until `wanted` can be read, no longer than `wait`.
    pub(crate) fn wait_for(&self, wanted: Position, wait: Duration) -> Result<(), ReadError> {
        let started = Stamp::now();
        let mut patience = Patience::new(Wait::Adaptive);
        while self.position() < wanted {
            if !patience.pause() {
                return self.park_for(wanted, wait, started);
            }
        }
        Ok(())
    }

    fn park_for(&self, wanted: Position, wait: Duration, since: Stamp) -> Result<(), ReadError> {
        self.waiters.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let notes = self.notes();
        let parked = self
            .reached
            .wait_timeout_while(notes, since.remaining(wait), |_| self.position() < wanted);
        drop(parked);
        self.waiters.fetch_sub(1, Ordering::Relaxed);
        let reached = self.position();
        if reached < wanted {
            return Err(ReadError::TimedOut { wanted, reached, waited: wait });
        }
        Ok(())
    }

    /// The engine closes: a projector that waits for a reader gives up.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(crate) fn fail(&self, why: String) {
        tracing::error!(reader = self.name, position = %self.position(), why, "a projector failed");
        self.notes().failure = Some(why);
    }

    pub(crate) fn recover(&self) {
        if self.notes().failure.take().is_some() {
            tracing::info!(reader = self.name, "a projector goes on");
        }
    }

    pub(crate) fn skip(&self, position: Position) {
        tracing::warn!(reader = self.name, %position, "an event will be skipped, as told");
        self.notes().skipped.insert(position);
    }

    pub(crate) fn skipped(&self) -> BTreeSet<Position> {
        self.notes().skipped.clone()
    }

    pub(crate) fn lag(&self, durable: Position, now: Timestamp) -> Lag {
        let events = durable.events().saturating_sub(self.position().events());
        let since = self.works_on.load(Ordering::Relaxed);
        let behind = events > 0 && since != i64::MAX;
        let nanos = if behind { now.0.saturating_sub(since).max(0) } else { 0 };
        Lag { events, time: Duration::from_nanos(nanos.unsigned_abs()) }
    }

    pub(crate) fn stats(&self, durable: Position, now: Timestamp) -> ReaderStats {
        let notes = self.notes();
        ReaderStats {
            name: self.name.clone(),
            position: self.position(),
            lag: self.lag(durable, now),
            fallbacks: self.fallbacks.load(Ordering::Relaxed),
            skipped: notes.skipped.iter().copied().collect(),
            failure: notes.failure.clone(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        // Notes are whole at every point where a holder could panic.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
