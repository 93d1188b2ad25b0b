//! A running `apply` that is asked line by line.
#![allow(dead_code, reason = "each promise uses its own part")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use crate::support::{deposit, spawn};

/// The longest anything healthy takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process, and how many deposits of 1 it has committed.
pub(crate) struct Talk {
    child: Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    pub(crate) committed: u64,
}

impl Talk {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = spawn(command);
        let stdin = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, stdin, answers, committed: 0 }
    }

    /// Sends a line; its answer, unless the process has ended.
    pub(crate) fn ask(&mut self, line: &str) -> Option<Value> {
        writeln!(self.stdin, "{line}").ok()?;
        let answer = self.answers.next()?.expect("text");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        self.committed += u64::from(answer["outcome"] == "committed");
        Some(answer)
    }

    /// Deposits until that is refused; the refusal.
    pub(crate) fn deposit_until_refused(&mut self) -> Value {
        let started = Instant::now();
        loop {
            let answer = self.ask(&deposit(1, 1)).expect("the process lives");
            if answer["outcome"] != "committed" {
                return answer;
            }
            assert!(started.elapsed() < PATIENCE, "prepared room is used up some time");
        }
    }

    /// Deposits until that is committed again.
    pub(crate) fn deposit_until_committed(&mut self) {
        let started = Instant::now();
        let before = self.committed;
        while self.committed == before {
            self.ask(&deposit(1, 1)).expect("the process lives");
            assert!(started.elapsed() < PATIENCE, "it goes on by itself");
        }
    }

    /// Changes a limit of the running process.
    pub(crate) fn limit(&self, resource: Resource, current: Option<u64>) {
        let process = Pid::from_child(&self.child);
        let limits = |current| Rlimit { current, maximum: None };
        let before = prlimit(Some(process), resource, limits(current));
        if before.is_err() {
            // Without the right to raise the hard limit it is left as it is.
            let maximum = rustix::process::getrlimit(resource).maximum;
            let current = current.or(maximum);
            prlimit(Some(process), resource, Rlimit { current, maximum }).expect("a lower limit");
        }
    }

    /// Closes its input and waits for its end.
    pub(crate) fn end(self) -> Output {
        let Self { child, stdin, answers, .. } = self;
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(answers.count(), 0, "every line has one answer");
        output
    }
}
