//! Closed loop: each client sends a command, waits for its answer, sends the next.

use std::time::{Duration, Instant};

use hotledger::Engine;

use super::slice::{Measured, Tally};
use super::workload::{Picks, Workload};

/// Clients that have one command on its way each.
pub(super) struct Closed<'a, W: Workload> {
    engine: &'a Engine,
    workload: &'a W,
    picks: Vec<Picks>,
}

impl<'a, W: Workload> Closed<'a, W> {
    /// That many clients of this engine.
    pub(super) fn new(engine: &'a Engine, workload: &'a W, clients: u32) -> Self {
        let picks = (0..u64::from(clients))
            .map(|client| Picks::new(client, workload.aggregates()))
            .collect();
        Self { engine, workload, picks }
    }
}

impl<W: Workload> Measured for Closed<'_, W> {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        let (engine, workload) = (self.engine, self.workload);
        super::slice::run_clients(&mut self.picks, tally, |picks, tally| {
            let mut sent = Instant::now();
            while sent < until {
                let handle = engine.aggregate::<W::Kind>(workload.id(picks.next()));
                let answer = handle.execute(workload.command()).wait();
                // One clock read a command: the answer's time is the next one's start.
                let answered = Instant::now();
                tally.record(answered, answered - sent, 1);
                tally.failed += u64::from(answer.is_err());
                sent = answered;
            }
        })
    }
}
