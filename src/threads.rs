//! Starts and ends the engine's threads: the only place that does. Each is a loop around a `step`.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::error::HaltReason;
use crate::limits::FILL_REST;
use crate::read::{Progress as ReadProgress, ProjectorStage, Step};
use crate::stages::{SegmentStage, SnapshotStage, Stages, WriterStage};
use crate::wait::Patience;
use crate::write::Progress;

/// The threads of one engine, ended in order when the engine closes.
pub(crate) struct Threads {
    writer: Option<JoinHandle<Result<(), HaltReason>>>,
    others: Vec<JoinHandle<()>>,
    projecting: Vec<Arc<ReadProgress>>,
    /// Dropped to end whoever sleeps between two tries.
    stop: Option<Sender<()>>,
}

/// The lowest priority there is, on the scale of `nice`.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

impl Threads {
    /// Starts a thread for every stage, or leaves none behind where the system has no room for one.
    pub(crate) fn start(stages: Stages) -> io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let mut threads = Self { stop: Some(stop), ..Self::none() };
        match threads.start_all(stages, &stopped) {
            Ok(()) => Ok(threads),
            Err(error) => {
                threads.join_others();
                Err(error)
            }
        }
    }

    /// The writer comes last: without it whoever was started before has nobody to wait for.
    fn start_all(&mut self, stages: Stages, stopped: &Receiver<()>) -> io::Result<()> {
        let Stages { writer, snapshots, segments, projectors, .. } = stages;
        let (done, snapshots_done) = bounded::<()>(0);
        self.others.push(named("snapshots", move || run_snapshots(snapshots, done))?);
        self.others.push(named("segments", move || run_segments(segments))?);
        for projector in projectors {
            self.projecting.push(Arc::clone(projector.progress()));
            let stopped = stopped.clone();
            self.others.push(named("projector", move || run_projector(projector, &stopped))?);
        }
        self.writer = Some(named("writer", move || run_writer(writer, &snapshots_done))?);
        Ok(())
    }

    /// None at all: somebody else steps the stages.
    pub(crate) fn none() -> Self {
        Self { writer: None, others: Vec::new(), projecting: Vec::new(), stop: None }
    }

    /// Ends every thread once the writer has been told to close.
    pub(crate) fn join(&mut self) -> Result<(), HaltReason> {
        let outcome = match self.writer.take().map(JoinHandle::join) {
            None => return Ok(()),
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(HaltReason::gone()),
        };
        self.join_others();
        outcome
    }

    /// Ends everybody else once the writer is gone.
    fn join_others(&mut self) {
        self.stop = None;
        self.projecting.iter().for_each(|progress| progress.close());
        for thread in self.others.drain(..) {
            // A thread that panicked has said so; closing goes on.
            let _ = thread.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn named<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(format!("hotledger-{name}")).spawn(run)
}

/// Lets every other thread go first: a snapshot or a segment that takes longer harms nobody (who
/// waits for a segment sleeps, and leaves a core), a writer that has to share its core is late for
/// everyone.
fn step_back() {
    // On Linux this is the calling thread alone; elsewhere it would be the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICEST) {
        tracing::debug!(%error, "this thread runs at the usual priority");
    }
}

fn run_snapshots(stage: SnapshotStage, done: Sender<()>) {
    let SnapshotStage { mut builder, rings, busy } = stage;
    step_back();
    while rings.recv().is_ok() {
        // Nobody rings while it builds; what is due is looked at again at the end.
        let bell = rings.clone();
        let rest = move |rest| bell.recv_timeout(rest) != Err(RecvTimeoutError::Disconnected);
        busy.during(|| builder.build_due_at_ease(rest));
    }
    // The writer has let go: everything is durable, and one last one may be due.
    builder.build_due();
    drop(done);
}

fn run_segments(stage: SegmentStage) {
    let SegmentStage { mut preparer, rings, busy } = stage;
    step_back();
    loop {
        // No rest once the writer has let go: whoever closes the engine waits for this thread.
        // Nobody rings while there is something to fill.
        let rest = || {
            let _ = rings.recv_timeout(FILL_REST);
        };
        let rung = match busy.during(|| preparer.step_at_ease(rest)) {
            Ok(true) => continue,
            Ok(false) => rings.recv().map_err(|_| RecvTimeoutError::Disconnected),
            // The journal has said why.
            Err(_) => rings.recv_timeout(SegmentStage::RETRY),
        };
        if rung == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

fn run_projector(mut projector: ProjectorStage, stopped: &Receiver<()>) {
    loop {
        match projector.step() {
            Step::Again => {}
            Step::Idle(wait) => projector.sleep(wait),
            Step::Done => return,
            Step::Pause(pause) => {
                if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        }
    }
}

/// Says why the engine stopped when the writer panics: fail-stop, reopen to go on.
struct Fuse(Arc<OnceLock<HaltReason>>);

impl Drop for Fuse {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.set(HaltReason::new("the writer panicked"));
        }
    }
}

fn run_writer(stage: WriterStage, snapshots_done: &Receiver<()>) -> Result<(), HaltReason> {
    let WriterStage { writer, sleeper, wait } = stage;
    let mut writer = writer.expect("a writer that has not run is there");
    let _fuse = Fuse(Arc::clone(&writer.halted));
    let mut patience = Patience::new(wait);
    loop {
        match writer.step() {
            Progress::Worked => patience = Patience::new(wait),
            Progress::Writing if patience.pause_for_write() => {}
            Progress::Writing => writer.await_write(),
            Progress::Idle if patience.pause() => {
                if patience.has_yielded() {
                    writer.rest();
                }
            }
            Progress::Idle => {
                let watermark_due = writer.rest();
                sleeper.sleep_unless(|| writer.has_work(), watermark_due);
            }
            Progress::Done => break,
        }
    }
    // The directory stays locked until the last snapshot is on the shelf.
    writer.snapshot_bell = bounded(0).0;
    let _ = snapshots_done.recv();
    writer.close()
}
