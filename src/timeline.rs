//! When batches passed the stages of the engine, for whoever asks where the time of a command went.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use hotledger_journal::{Batch, Written};

use crate::clock::{Moment, Stamp};
use crate::limits::TIMES_HELD_MAX;
use crate::position::Position;

/// When one batch passed each stage. All instants are of one clock, so a caller can hold its own
/// against them: a command whose receipt has a position in `after < position <= until` was in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchTimes {
    /// The last position before the batch.
    pub after: Position,
    /// The last position in the batch.
    pub until: Position,
    /// Commands in it, those with events or a key.
    pub commands: u32,
    /// When the writer began to fill it.
    pub opened: Moment,
    /// How long its first command took to be decided: the lookup of its aggregate and `decide`.
    pub decide: Duration,
    /// How long the events of its first command took to be encoded.
    pub encode: Duration,
    /// When it was sealed and handed to the disk.
    pub submitted: Moment,
    /// How long the disk took: the write and its sync, which are one operation.
    pub write: Duration,
    /// When the writer learnt that it is durable.
    pub written: Moment,
    /// When all of its commands had been told.
    pub told: Moment,
    /// Whether it is the first in its segment.
    pub rolled: bool,
    /// Whether the next segment was being filled when it was handed to the disk, or told.
    pub filling: bool,
    /// Whether a snapshot was being built when it was handed to the disk, or told; the rests of
    /// whoever builds it count as well.
    pub snapshot: bool,
}

/// What goes on beside the writer; said by those who do it.
#[derive(Clone, Default)]
pub(crate) struct Beside {
    pub(crate) filling: Busy,
    pub(crate) snapshot: Busy,
}

/// Whether somebody is at work.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<AtomicBool>);

impl Busy {
    /// Does a piece of work and says so meanwhile.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.store(true, Ordering::Relaxed);
        let done = work();
        self.0.store(false, Ordering::Relaxed);
        done
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Times the first command of a batch that commits: when it began, was decided, was encoded.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch {
    opened: Stamp,
    began: Stamp,
    decided: Option<Stamp>,
    encoded: Option<Stamp>,
}

impl Stopwatch {
    fn start() -> Self {
        let now = Stamp::now();
        Self { opened: now, began: now, decided: None, encoded: None }
    }

    /// A command begins; one before it may have been refused.
    pub(crate) fn begin(&mut self) {
        if self.encoded.is_none() {
            (self.began, self.decided) = (Stamp::now(), None);
        }
    }

    pub(crate) fn decided(&mut self) {
        self.decided.get_or_insert_with(Stamp::now);
    }

    pub(crate) fn encoded(&mut self) {
        self.encoded.get_or_insert_with(Stamp::now);
    }

    fn decide(&self) -> Duration {
        self.decided.map_or(Duration::ZERO, |decided| decided.since(self.began))
    }

    fn encode(&self) -> Duration {
        let both = self.encoded.zip(self.decided);
        both.map_or(Duration::ZERO, |(encoded, decided)| encoded.since(decided))
    }
}

/// The writer's side: follows one batch in so many through the stages.
pub(crate) struct Timekeeper {
    every: u32,
    /// Batches until the next one that is followed.
    left: u32,
    beside: Beside,
    open: Option<Stopwatch>,
    /// Handed to the disk, oldest first, with their sequences.
    submitted: VecDeque<(u64, Submitted)>,
    written: Option<BatchTimes>,
    segment: u64,
    times: Sender<BatchTimes>,
}

struct Submitted {
    watch: Stopwatch,
    at: Stamp,
    filling: bool,
    snapshot: bool,
}

/// A timekeeper of a journal that goes on in this segment, and where its times are picked up.
pub(crate) fn timekeeper(
    every: NonZeroU32,
    beside: Beside,
    segment: u64,
) -> (Box<Timekeeper>, Receiver<BatchTimes>) {
    let (sender, times) = bounded(TIMES_HELD_MAX);
    let keeper = Timekeeper {
        every: every.get(),
        left: 0,
        beside,
        open: None,
        submitted: VecDeque::new(),
        written: None,
        segment,
        times: sender,
    };
    (Box::new(keeper), times)
}

impl Timekeeper {
    /// The stopwatch for a batch that is about to be filled, when it is one to follow.
    pub(crate) fn open(&self) -> Option<Stopwatch> {
        (self.left == 0).then(Stopwatch::start)
    }

    /// Takes the stopwatch back once the turn is over; without entries the batch is still to come.
    pub(crate) fn filled(&mut self, watch: Option<Stopwatch>, entries: u32) {
        if watch.is_some() && entries > 0 {
            self.open = watch;
        }
    }

    pub(crate) fn submitted(&mut self, sequence: u64) {
        self.left = self.left.saturating_sub(1);
        if let Some(watch) = self.open.take() {
            self.left = self.every - 1;
            let Beside { filling, snapshot } = &self.beside;
            let (filling, snapshot) = (filling.is_set(), snapshot.is_set());
            let submitted = Submitted { watch, at: Stamp::now(), filling, snapshot };
            self.submitted.push_back((sequence, submitted));
        }
    }

    pub(crate) fn written(&mut self, written: &Written<'_>) {
        let batch = written.batch;
        let segment = std::mem::replace(&mut self.segment, batch.segment());
        let followed = self.submitted.front().is_some_and(|(at, _)| *at == batch.sequence());
        if !followed {
            return;
        }
        let (_, submitted) = self.submitted.pop_front().expect("just looked");
        let write = Duration::from_nanos(written.write_ns);
        self.written = Some(times_of(batch, &submitted, write, segment != batch.segment()));
    }

    /// Everyone in the batch has been told.
    pub(crate) fn told(&mut self) {
        let Some(mut times) = self.written.take() else { return };
        times.told = Stamp::now().instant();
        times.filling |= self.beside.filling.is_set();
        times.snapshot |= self.beside.snapshot.is_set();
        // Where nobody picks them up the newest are lost.
        let _ = self.times.try_send(times);
    }
}

fn times_of(batch: &Batch, submitted: &Submitted, write: Duration, rolled: bool) -> BatchTimes {
    let Submitted { watch, at, filling, snapshot } = submitted;
    let now = Stamp::now().instant();
    BatchTimes {
        after: Position::after(batch.first_position()),
        until: Position::after(batch.end_position()),
        commands: batch.entry_count(),
        opened: watch.opened.instant(),
        decide: watch.decide(),
        encode: watch.encode(),
        submitted: at.instant(),
        write,
        written: now,
        told: now,
        rolled,
        filling: *filling,
        snapshot: *snapshot,
    }
}
