//! The other end of `apply`: sends lines, keeps few or many on their way, and takes the answers.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use serde_json::Value;

/// The most lines on their way: below what `apply` takes in without printing, so that neither
/// side waits for the other.
pub(crate) const WINDOW_MAX: usize = 4_000;

/// Both pipes of one process.
pub(crate) struct Client {
    stdin: BufWriter<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    sent: usize,
    answered: usize,
    is_gone: bool,
}

impl Client {
    /// Takes the pipes of a process that was just started.
    pub(crate) fn of(child: &mut Child) -> Self {
        let stdin = BufWriter::new(child.stdin.take().expect("a pipe"));
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { stdin, stdout, sent: 0, answered: 0, is_gone: false }
    }

    /// Lines that may have reached the process.
    pub(crate) fn sent(&self) -> usize {
        self.sent
    }

    /// Whether the process has closed its pipes.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Sends lines with at most this many unanswered, until all are answered or it is gone.
    pub(crate) fn send_all<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a str>,
        window: usize,
        mut on_answer: impl FnMut(Value),
    ) {
        assert!((1..=WINDOW_MAX).contains(&window), "the pipes would fill up");
        for line in lines {
            self.send(line);
            while !self.is_gone && self.sent - self.answered >= window {
                self.answers_at_hand(&mut on_answer);
            }
            if self.is_gone {
                break;
            }
        }
        // What was answered before the end is still in the pipe.
        let _ = self.stdin.flush();
        while self.answered < self.sent {
            let Some(answer) = self.answer() else { return };
            on_answer(answer);
        }
    }

    /// Sends one line and waits for its answer; `None` when the process is gone.
    pub(crate) fn ask(&mut self, line: &str) -> Option<Value> {
        let mut answer = None;
        self.send_all(std::iter::once(line), 1, |it| answer = Some(it));
        answer
    }

    /// Keeps the input open until the process is gone.
    pub(crate) fn outlive(mut self) {
        assert_eq!(self.answer(), None, "no answer without a line");
    }

    fn send(&mut self, line: &str) {
        self.sent += 1;
        self.is_gone |= writeln!(self.stdin, "{line}").is_err();
    }

    /// Waits for one answer and takes all that came with it.
    fn answers_at_hand(&mut self, on_answer: &mut impl FnMut(Value)) {
        self.is_gone |= self.stdin.flush().is_err();
        loop {
            let Some(answer) = self.answer() else { return };
            on_answer(answer);
            if !self.stdout.buffer().contains(&b'\n') {
                return;
            }
        }
    }

    /// The next answer that came out whole; a kill may cut the last one.
    fn answer(&mut self) -> Option<Value> {
        let mut line = Vec::new();
        let read = self.stdout.read_until(b'\n', &mut line);
        if read.is_err() || line.last() != Some(&b'\n') {
            self.is_gone = true;
            return None;
        }
        self.answered += 1;
        let answer: Value = serde_json::from_slice(&line).expect("JSON");
        assert_eq!(answer["line"], self.answered, "answers come in the order of the input");
        Some(answer)
    }
}
