//! The copy of the tracked files in which bugs are planted, built and tested, one after the other.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use super::bank::Bug;
use crate::{cargo, root, run};

/// What came of a test.
#[derive(PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    /// By the first test that failed.
    Failed {
        test: String,
    },
    Hung,
    NotRun,
    NotCompiled,
}

/// Kept between runs, so that only what a bug touches is built.
pub(super) struct Tree {
    home: PathBuf,
}

impl Tree {
    /// The working tree as it is now, as far as git tracks it.
    pub(super) fn copied() -> Result<Tree> {
        let tree = Tree { home: root().join("target/seeded-bugs") };
        fs::create_dir_all(tree.output_directory())?;
        tree.restore()?;
        Ok(tree)
    }

    pub(super) fn output_directory(&self) -> PathBuf {
        self.home.join("output")
    }

    pub(super) fn check_applies(&self, bug: &Bug) -> Result<()> {
        run(self.git_apply(bug).arg("--check"))
    }

    /// Its test with the bug in place; the tree is sound again afterwards.
    pub(super) fn plant(&mut self, bug: &Bug, time_max: Duration) -> Result<(Verdict, Duration)> {
        self.restore()?;
        run(&mut self.git_apply(bug))?;
        let judged = self.judge(bug, &bug.name, time_max);
        self.restore()?;
        judged
    }

    /// Its test without any bug.
    pub(super) fn test_soundly(
        &mut self,
        bug: &Bug,
        time_max: Duration,
    ) -> Result<(Verdict, Duration)> {
        self.restore()?;
        self.judge(bug, "sound", time_max)
    }

    /// Writes only what differs, for a build goes by the times of files.
    fn restore(&self) -> Result<()> {
        let tracked = files(Command::new("git").args(["ls-files", "-z"]).current_dir(root()))?;
        let tree = self.tree();
        fs::create_dir_all(&tree)?;
        for path in &tracked {
            let (from, to) = (root().join(path), tree.join(path));
            match fs::read(&from) {
                Ok(bytes) if fs::read(&to).is_ok_and(|held| held == bytes) => {}
                Ok(bytes) => {
                    fs::create_dir_all(to.parent().expect("it is below the tree"))?;
                    fs::write(&to, bytes)?;
                }
                // It is tracked and was deleted, here or in both.
                Err(error) if error.kind() == ErrorKind::NotFound => remove(&to)?,
                Err(error) => return Err(error).with_context(|| from.display().to_string()),
            }
        }
        let held = files(
            Command::new("find").args([".", "-type", "f", "-printf", r"%P\0"]).current_dir(&tree),
        )?;
        held.difference(&tracked).try_for_each(|path| remove(&tree.join(path)))
    }

    fn judge(&self, bug: &Bug, name: &str, time_max: Duration) -> Result<(Verdict, Duration)> {
        let started = Instant::now();
        let path = self.output_directory().join(format!("{name}.txt"));
        let build = self.cargo_test(bug, &path)?.arg("--no-run").args(&bug.caught_by).status()?;
        if !build.success() {
            return Ok((Verdict::NotCompiled, started.elapsed()));
        }
        let mut test = self.cargo_test(bug, &path)?;
        let ended = end_within(test.args(&bug.caught_by).process_group(0).spawn()?, time_max)?;
        let said = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        Ok((verdict(ended, &said), started.elapsed()))
    }

    fn cargo_test(&self, bug: &Bug, output: &Path) -> Result<Command> {
        let output = File::create(output).with_context(|| bug.name.clone())?;
        let mut command = cargo();
        command
            .current_dir(self.tree())
            .arg("test")
            .env("CARGO_TARGET_DIR", self.home.join("target"));
        // Code that comes and goes has confused the compiler's own increments: a link then failed.
        command.env("CARGO_INCREMENTAL", "0");
        command.stdout(output.try_clone()?).stderr(output).stdin(Stdio::null());
        Ok(command)
    }

    /// The tree lies inside a repository, of which `git apply` must not know.
    fn git_apply(&self, bug: &Bug) -> Command {
        let mut command = Command::new("git");
        command.current_dir(self.tree()).env("GIT_CEILING_DIRECTORIES", &self.home);
        command.arg("apply").arg(&bug.patch);
        command
    }

    fn tree(&self) -> PathBuf {
        self.home.join("tree")
    }
}

/// Paths that a command prints, each with a zero behind it.
fn files(command: &mut Command) -> Result<BTreeSet<String>> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    let paths = String::from_utf8(output.stdout)?;
    Ok(paths.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// How it ended; `None` for a child, and its own children, that had to be killed.
fn end_within(mut child: Child, time_max: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    while started.elapsed() < time_max {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(50));
    }
    let group = Pid::from_child(&child);
    kill_process_group(group, Signal::KILL)?;
    child.wait()?;
    Ok(None)
}

fn verdict(ended: Option<ExitStatus>, said: &str) -> Verdict {
    let Some(status) = ended else { return Verdict::Hung };
    let failed = said.lines().find_map(|line| {
        line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::to_owned)
    });
    match (status.success(), failed) {
        (true, _) if said.lines().any(|line| line.ends_with(" ... ok")) => Verdict::Passed,
        (true, _) => Verdict::NotRun,
        (false, Some(test)) => Verdict::Failed { test },
        // An abort, such as an overflown stack, takes the report with it.
        (false, None) => Verdict::Failed { test: format!("the whole run: {status}") },
    }
}
