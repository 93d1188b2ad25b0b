//! Starts and ends the engine's threads: the only place that does. Each is a loop around a `step`.

use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use hotledger_journal::Preparer;

use crate::error::{HaltReason, OpenError};
use crate::limits::WATERMARK_AFTER;
use crate::read::{Progress as ReadProgress, ProjectorThread, Step};
use crate::recover::{Due, SnapshotBuilder};
use crate::wait::{Patience, Wait};
use crate::write::{Progress, Sleeper, Writer};

/// The threads of one engine, ended in order when the engine closes.
pub(crate) struct Threads {
    writer: Option<JoinHandle<Result<(), HaltReason>>>,
    others: Vec<JoinHandle<()>>,
    projecting: Vec<Arc<ReadProgress>>,
    /// Disconnected when the snapshot builder is done.
    snapshots_done: Option<Receiver<()>>,
    /// Dropped to end whoever sleeps between two tries.
    stop: Option<Sender<()>>,
    stopped: Receiver<()>,
}

/// The lowest priority there is, on the scale of `nice`.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

/// How long the preparer waits before it tries again to make a segment, on a full disk say.
const PREPARE_RETRY: Duration = Duration::from_millis(500);

impl Default for Threads {
    fn default() -> Self {
        let (stop, stopped) = bounded(0);
        Self {
            writer: None,
            others: Vec::new(),
            projecting: Vec::new(),
            snapshots_done: None,
            stop: Some(stop),
            stopped,
        }
    }
}

impl Threads {
    /// Starts the snapshot builder; ring the bell when one is due.
    pub(crate) fn snapshots(&mut self, mut builder: SnapshotBuilder) -> (Arc<Due>, Sender<()>) {
        let due = builder.due();
        let (bell, rings) = bounded(1);
        let (done, snapshots_done) = bounded::<()>(0);
        self.snapshots_done = Some(snapshots_done);
        self.start("snapshots", move || {
            step_back();
            while rings.recv().is_ok() {
                build_due(&mut builder);
            }
            // The writer has let go: everything is durable, and one last one may be due.
            build_due(&mut builder);
            drop(done);
        });
        (due, bell)
    }

    /// Starts the segment preparer.
    pub(crate) fn preparer(&mut self, make: impl FnOnce(Box<dyn Fn() + Send>) -> Preparer) {
        let (bell, rings) = bounded(1);
        let mut preparer = make(Box::new(move || {
            // One ring that is still unheard is enough.
            let _ = bell.try_send(());
        }));
        self.start("segments", move || {
            loop {
                let rung = match preparer.step() {
                    Ok(true) => continue,
                    Ok(false) => rings.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    Err(error) => {
                        tracing::warn!(%error, "a segment could not be prepared");
                        rings.recv_timeout(PREPARE_RETRY)
                    }
                };
                if rung == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        });
    }

    /// Starts the writer.
    pub(crate) fn writer(&mut self, writer: Writer, sleeper: Sleeper, wait: Wait) {
        let snapshots_done = self.snapshots_done.take().expect("snapshots start before the writer");
        let run = move || run_writer(writer, &sleeper, wait, &snapshots_done);
        self.writer = Some(named("writer", run));
    }

    /// Starts a projector.
    pub(crate) fn projector(&mut self, mut projector: ProjectorThread) -> Result<(), OpenError> {
        let stopped = self.stopped.clone();
        self.projecting.push(Arc::clone(projector.progress()));
        self.start("projector", move || {
            loop {
                match projector.step() {
                    Step::Again => {}
                    Step::Done => return,
                    Step::Pause(pause) => {
                        if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                            return;
                        }
                    }
                }
            }
        });
        Ok(())
    }

    /// Ends every thread once the writer has been told to close.
    pub(crate) fn join(&mut self) -> Result<(), HaltReason> {
        let outcome = match self.writer.take().map(JoinHandle::join) {
            None => return Ok(()),
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(HaltReason::gone()),
        };
        self.stop = None;
        self.projecting.iter().for_each(|progress| progress.close());
        for thread in self.others.drain(..) {
            // A thread that panicked has said so; closing goes on.
            let _ = thread.join();
        }
        outcome
    }

    fn start(&mut self, name: &str, run: impl FnOnce() + Send + 'static) {
        self.others.push(named(name, run));
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn named<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let name = format!("hotledger-{name}");
    thread::Builder::new().name(name).spawn(run).expect("the system has room for another thread")
}

/// Lets every other thread go first: a snapshot that takes longer harms nobody, a writer that has
/// to share its core is late for everyone.
fn step_back() {
    // On Linux this is the calling thread alone; elsewhere it would be the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICEST) {
        tracing::debug!(%error, "the snapshot builder runs at the usual priority");
    }
}

fn build_due(builder: &mut SnapshotBuilder) {
    while builder.is_due() {
        if let Err(error) = builder.step() {
            tracing::error!(%error, "a snapshot could not be built");
            return;
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

fn run_writer(
    mut writer: Writer,
    sleeper: &Sleeper,
    wait: Wait,
    snapshots_done: &Receiver<()>,
) -> Result<(), HaltReason> {
    let _fuse = Fuse(Arc::clone(&writer.halted));
    let mut patience = Patience::new(wait);
    loop {
        match writer.step() {
            Progress::Worked => patience = Patience::new(wait),
            // The kernel needs a core to finish the write.
            Progress::Writing => thread::yield_now(),
            Progress::Idle if patience.pause() => {}
            Progress::Idle => {
                let watermark_due = writer.quiet_since.map(|_| WATERMARK_AFTER);
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
