//! Closed loop: each client sends a command, waits for its answer, sends the next.

use std::time::{Duration, Instant};

use super::line::Line;
use super::slice::{Measured, Tally, run_clients};

/// Clients that have one command on its way each.
pub(super) struct Closed<L> {
    lines: Vec<L>,
}

impl<L: Line> Closed<L> {
    /// A client for each line, which needs room for no more than one command.
    pub(super) fn new(lines: Vec<L>) -> Self {
        Self { lines }
    }
}

impl<L: Line> Measured for Closed<L> {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        run_clients(&mut self.lines, tally, |line, tally| {
            let mut sent = Instant::now();
            while sent < until {
                let commands = line.send(1);
                let answers = line.reap_wait(1, tally);
                assert_eq!((commands, answers), (1, 1), "each command is answered by itself");
                // One clock read a command: the answer's time is the next one's start.
                let answered = Instant::now();
                tally.record(answered, answered - sent, 1);
                tally.samples.take(0..1, answered, |_| (sent, sent));
                tally.samples.end_look();
                sent = answered;
            }
        })
    }
}
