//! The stages of one engine, wired: threads run them, or a simulator steps them.

use std::time::Duration;

use crossbeam_channel::Receiver;
use hotledger_journal::Preparer;

use crate::error::HaltReason;
use crate::read::{ProjectorStage, Step};
use crate::recover::SnapshotBuilder;
use crate::state::StateDigest;
use crate::timeline::Busy;
use crate::wait::Wait;
use crate::write::{Progress, Sleeper, Writer};

/// Everything in an engine that works by itself, from
/// [`Builder::open_stepped`](crate::Builder::open_stepped).
///
/// No thread runs: what is sent to the engine waits until its stages are stepped, in any order and
/// as often as the caller likes. Calls of the engine that wait for an answer wait for ever; use
/// those that do not (`submit`, `is_ready`, `reap`, `next_within` no time). Dropped before the
/// engine they leave what a crash leaves; to end in good order, [`close`](Stages::close) them.
pub struct Stages {
    pub(crate) writer: WriterStage,
    pub(crate) snapshots: SnapshotStage,
    pub(crate) segments: SegmentStage,
    pub(crate) projectors: Vec<ProjectorStage>,
    outcome: Option<Result<(), HaltReason>>,
}

/// The writer, and how its thread sleeps.
pub(crate) struct WriterStage {
    /// Gone once it is closed.
    pub(crate) writer: Option<Writer>,
    pub(crate) sleeper: Sleeper,
    pub(crate) wait: Wait,
}

/// The snapshot builder, and what tells its thread that one is due.
pub(crate) struct SnapshotStage {
    pub(crate) builder: SnapshotBuilder,
    pub(crate) rings: Receiver<()>,
    pub(crate) busy: Busy,
}

/// The segment preparer, and what tells its thread that one is wanted.
pub(crate) struct SegmentStage {
    pub(crate) preparer: Preparer,
    pub(crate) rings: Receiver<()>,
    pub(crate) busy: Busy,
}

/// Names one stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Takes up commands, writes batches, tells answers.
    Writer,
    /// Prepares segment files ahead of need.
    Segments,
    /// Builds snapshots.
    Snapshots,
    /// One of the projectors, in the order their views and tables were registered.
    Projector(usize),
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stepped {
    /// Something was done; there may be more.
    Worked,
    /// A write is under way and there is nothing else to do.
    Writing,
    /// Nothing to do at present.
    Idle,
    /// Failed; its thread would try again after this pause.
    Failed(Duration),
    /// It has ended, and will not do anything any more.
    Done,
}

impl Stages {
    pub(crate) fn new(
        writer: WriterStage,
        snapshots: SnapshotStage,
        segments: SegmentStage,
        projectors: Vec<ProjectorStage>,
    ) -> Self {
        Self { writer, snapshots, segments, projectors, outcome: None }
    }

    /// Every stage, the writer first.
    pub fn all(&self) -> impl Iterator<Item = Stage> + use<> {
        let projectors = (0..self.projectors.len()).map(Stage::Projector);
        [Stage::Writer, Stage::Segments, Stage::Snapshots].into_iter().chain(projectors)
    }

    /// Lets one stage do one piece of work.
    ///
    /// # Panics
    /// When there is no such projector.
    pub fn step(&mut self, stage: Stage) -> Stepped {
        match stage {
            Stage::Writer => self.step_writer(),
            Stage::Segments => self.segments.step(),
            Stage::Snapshots => self.snapshots.step(),
            Stage::Projector(at) => match self.projectors[at].step() {
                Step::Again => Stepped::Worked,
                Step::Idle(_) => Stepped::Idle,
                Step::Pause(pause) => Stepped::Failed(pause),
                Step::Done => Stepped::Done,
            },
        }
    }

    /// Tells the writer to finish what it has taken up and to seal the journal, and steps it until
    /// it has; then lets the projectors finish.
    ///
    /// # Errors
    /// Why the engine had stopped before, or why the journal could not be sealed.
    pub fn close(&mut self) -> Result<(), HaltReason> {
        if let Some(writer) = &mut self.writer.writer {
            writer.closing = true;
        }
        loop {
            if let Some(outcome) = &self.outcome {
                let outcome = outcome.clone();
                self.projectors.iter_mut().for_each(ProjectorStage::finish);
                return outcome;
            }
            self.step_writer();
        }
    }

    /// The digest of the hot state, which may be ahead of what is durable. `None` once closed, and
    /// while an aggregate is quarantined.
    #[must_use]
    pub fn digest(&self) -> Option<StateDigest> {
        let state = &self.writer.writer.as_ref()?.state;
        (state.quarantined() == 0).then(|| state.digest())
    }

    fn step_writer(&mut self) -> Stepped {
        let Some(writer) = &mut self.writer.writer else { return Stepped::Done };
        match writer.step() {
            Progress::Worked => Stepped::Worked,
            Progress::Writing => Stepped::Writing,
            Progress::Idle => {
                writer.rest();
                Stepped::Idle
            }
            Progress::Done => {
                // The directory stays locked until the last snapshot is on the shelf.
                self.snapshots.builder.build_due();
                self.outcome = self.writer.writer.take().map(Writer::close);
                Stepped::Done
            }
        }
    }
}

impl SnapshotStage {
    fn step(&mut self) -> Stepped {
        let due = self.builder.is_due();
        if due {
            self.builder.build_due();
        }
        if due { Stepped::Worked } else { Stepped::Idle }
    }
}

impl SegmentStage {
    /// How long the preparer waits before it tries again to make a segment, on a full disk say.
    pub(crate) const RETRY: Duration = Duration::from_millis(500);

    fn step(&mut self) -> Stepped {
        match self.preparer.step() {
            Ok(true) => Stepped::Worked,
            Ok(false) => Stepped::Idle,
            Err(_) => Stepped::Failed(Self::RETRY),
        }
    }
}
