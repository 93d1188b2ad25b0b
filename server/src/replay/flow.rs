//! The flow of recorded commands through one pipelined session.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use hdrhistogram::Histogram;
use hotledger::{Engine, ExecuteError, Position, Receipt, Session};
use hotledger_domains::exchange::{Book, Refusal};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Recording;
use crate::stamps::{BURST, Stamps};

/// The longest latency told apart: one minute.
const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// Commands on their way into the book.
pub(super) struct Flow<'a> {
    session: Session<Book>,
    recording: &'a Recording,
    in_flight_max: usize,
    submitted: usize,
    sent: Stamps,
    passed: Passed,
    progress: ProgressBar,
}

/// What came back.
pub(super) struct Passed {
    /// For each command, whether it was committed; the others were refused.
    pub(super) committed: Vec<bool>,
    /// How often for which reason.
    pub(super) refused: BTreeMap<&'static str, u64>,
    /// The last event.
    pub(super) last: Position,
    /// Nanoseconds from submission to answer.
    pub(super) latency_ns: Histogram<u64>,
}

impl<'a> Flow<'a> {
    /// Prepares the session and the progress bar, which shows on a terminal only.
    pub(super) fn new(
        engine: &Engine,
        recording: &'a Recording,
        in_flight: usize,
    ) -> anyhow::Result<Self> {
        let commands = recording.steps.len();
        let latency_ns =
            Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).context("cannot make a histogram")?;
        Ok(Self {
            session: engine.session::<Book>(in_flight),
            recording,
            in_flight_max: in_flight,
            submitted: 0,
            sent: Stamps::with_room_for(in_flight),
            passed: Passed {
                committed: Vec::with_capacity(commands),
                refused: BTreeMap::new(),
                last: Position::ORIGIN,
                latency_ns,
            },
            progress: progress(commands as u64),
        })
    }

    /// Sends every command and takes every answer.
    pub(super) fn run(mut self) -> anyhow::Result<Passed> {
        while self.passed.committed.len() < self.recording.steps.len() {
            self.submit();
            self.reap()?;
        }
        self.progress.finish_and_clear();
        Ok(self.passed)
    }

    fn submit(&mut self) {
        let now = Instant::now();
        let mut burst = 0;
        for step in self.recording.steps[self.submitted..].iter().take(BURST as usize) {
            if self.session.submit(self.recording.symbol, step.command.clone()).is_err() {
                break;
            }
            burst += 1;
        }
        self.submitted += burst;
        self.sent.push(now, burst as u64);
    }

    /// Takes what is answered, and waits for an answer when there is nothing else to do.
    fn reap(&mut self) -> anyhow::Result<()> {
        let all_sent = self.submitted == self.recording.steps.len();
        let mut answer = match all_sent || self.session.in_flight() == self.in_flight_max {
            true => self.session.reap_wait(),
            false => self.session.reap(),
        };
        let mut answers = 0;
        while let Some(outcome) = answer {
            answers += 1;
            self.passed.note(outcome)?;
            answer = if answers < BURST { self.session.reap() } else { None };
        }
        let now = Instant::now();
        let latency_ns = &mut self.passed.latency_ns;
        self.sent.answered(answers, |sent, commands| {
            let nanoseconds = u64::try_from((now - sent).as_nanos()).unwrap_or(LATENCY_NS_MAX);
            latency_ns.saturating_record_n(nanoseconds.max(1), commands);
        });
        self.progress.inc(answers);
        Ok(())
    }
}

impl Passed {
    fn note(&mut self, answer: Result<Receipt, ExecuteError<Refusal>>) -> anyhow::Result<()> {
        match answer {
            Ok(receipt) => {
                self.last = receipt.position;
                self.committed.push(true);
            }
            Err(ExecuteError::Refused(refusal)) => {
                *self.refused.entry(refusal.reason()).or_default() += 1;
                self.committed.push(false);
            }
            Err(ExecuteError::Halted(reason)) => return Err(reason.into()),
            Err(error) => anyhow::bail!("command {}: {error}", self.committed.len() + 1),
        }
        Ok(())
    }
}

/// A bar on standard error, drawn a few times a second, and only on a terminal.
fn progress(commands: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {per_sec} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(commands), ProgressDrawTarget::stderr_with_hz(10))
        .with_style(style)
}
