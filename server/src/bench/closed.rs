//! Closed loop: each client sends a command, waits for its answer, sends the next.

use std::time::{Duration, Instant};

use hotledger::Engine;

use super::slice::{Measured, Tally, run_clients};
use super::workload::{Stream, Workload, judge};

/// Clients that have one command on its way each.
pub(super) struct Closed<'a, W: Workload> {
    engine: &'a Engine,
    streams: &'a mut [W::Stream],
}

impl<'a, W: Workload> Closed<'a, W> {
    /// A client of this engine for each stream.
    pub(super) fn new(engine: &'a Engine, streams: &'a mut [W::Stream]) -> Self {
        Self { engine, streams }
    }
}

impl<W: Workload> Measured for Closed<'_, W> {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        let engine = self.engine;
        run_clients(self.streams, tally, |stream, tally| {
            let mut sent = Instant::now();
            while sent < until {
                let (id, command) = stream.next();
                let answer = engine.aggregate::<W::Kind>(id).execute(command).wait();
                // One clock read a command: the answer's time is the next one's start.
                let answered = Instant::now();
                tally.record(answered, answered - sent, 1);
                judge::<W>(&answer, tally);
                sent = answered;
            }
        })
    }
}
