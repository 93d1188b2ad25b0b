//! The child processes as their parent sees them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::child::{PANICKED, REFUSED};
use crate::record::{Record, decode};
use crate::stores::{Begin, Known};

/// How often a parent looks whether its child has ended.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How a child that was to read everything ended.
pub(crate) enum Answer {
    /// It opened the store and read these.
    Records(Vec<Record>),
    /// The store answered with an error.
    Refused(String),
    /// A thread panicked, or a signal ended the process.
    Crashed(String),
    /// It had not ended in time, and was killed.
    Hung,
}

/// Opens a store and reads all of it in a child, which has so long for it.
///
/// # Errors
/// The child cannot be run, or ends in a way that no store's doing explains.
pub(crate) fn read_all(known: &Known, directory: &Path, patience: Duration) -> Result<Answer> {
    // Files, not pipes: a child with much to say must not wait for its parent.
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut command = this_binary("read", known, directory)?;
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let mut child = Reaped(command.spawn()?);
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait()? {
            break status;
        }
        if started.elapsed() > patience {
            return Ok(Answer::Hung);
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let said = || -> Result<String> {
        let said = contents(&mut err)?;
        Ok(String::from_utf8_lossy(&said).trim().to_owned())
    };
    answer(status, || contents(&mut out), said)
}

fn answer(
    status: ExitStatus,
    out: impl FnOnce() -> Result<Vec<u8>>,
    said: impl FnOnce() -> Result<String>,
) -> Result<Answer> {
    Ok(match (status.code(), status.signal()) {
        (Some(0), _) => Answer::Records(decode(&out()?)?),
        (Some(REFUSED), _) => Answer::Refused(said()?),
        (Some(PANICKED), _) => Answer::Crashed(said()?),
        (None, Some(signal)) => Answer::Crashed(format!("signal {signal}: {}", said()?)),
        _ => bail!("the child that reads ended with {status}: {}", said()?),
    })
}

fn contents(file: &mut File) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut contents)?;
    Ok(contents)
}

fn this_binary(verb: &str, known: &Known, directory: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([verb, "--store", known.name, "--directory"]).arg(directory);
    Ok(command)
}

/// A child that is killed, at the latest, when it is dropped.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left of it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A child that appends records until it is killed.
pub(crate) struct Appender {
    child: Reaped,
    /// A line asks for one more record.
    more: ChildStdin,
    acknowledged: Receiver<u64>,
}

impl Appender {
    /// # Errors
    /// The child cannot be started.
    pub(crate) fn start(
        known: &Known,
        directory: &Path,
        begin: Begin,
        first: u64,
        count: u64,
    ) -> Result<Self> {
        let mut command = this_binary("append", known, directory)?;
        if begin == Begin::New {
            command.arg("--new");
        }
        command.args(["--first", &first.to_string(), "--count", &count.to_string()]);
        let mut child = Reaped(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        let more = child.0.stdin.take().context("a pipe")?;
        let lines = BufReader::new(child.0.stdout.take().context("a pipe")?).lines();
        let (tell, acknowledged) = channel();
        std::thread::spawn(move || {
            let keys = lines.map_while(|line| line.ok()?.parse().ok());
            // Nobody listens any more once the child's parent has given up on it.
            keys.take_while(|key| tell.send(*key).is_ok()).for_each(drop);
        });
        Ok(Self { child, more, acknowledged })
    }

    /// The next acknowledged key, or none if the child does not live to give one.
    ///
    /// # Errors
    /// Neither came in time.
    pub(crate) fn acknowledged(&self, patience: Duration) -> Result<Option<u64>> {
        match self.acknowledged.recv_timeout(patience) {
            Ok(key) => Ok(Some(key)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => bail!("no record was acknowledged in {patience:?}"),
        }
    }

    /// Asks for one more record.
    ///
    /// # Errors
    /// The child is gone.
    pub(crate) fn ask_for_one_more(&mut self) -> Result<()> {
        Ok(self.more.write_all(b"\n")?)
    }

    /// SIGKILL; gives the keys that were acknowledged and not yet asked for.
    ///
    /// # Errors
    /// The child had ended before by itself, which it never should.
    pub(crate) fn kill(mut self) -> Result<Vec<u64>> {
        let ended = self.child.0.try_wait()?;
        ensure!(ended.is_none(), "the child that appends ended by itself: {ended:?}");
        self.child.0.kill()?;
        self.child.0.wait()?;
        Ok(self.acknowledged.iter().collect())
    }
}
