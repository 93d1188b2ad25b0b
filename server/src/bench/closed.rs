//! Closed loop: each client sends a command, waits for its answer, sends the next.

use std::time::{Duration, Instant};

use hotledger::{Engine, Session};

use super::slice::{Measured, Tally, run_clients};
use super::workload::{Picks, Workload};

/// Clients that have one command on its way each, through a session of that length.
pub(super) struct Closed<'a, W: Workload> {
    workload: &'a W,
    clients: Vec<(Session<W::Kind>, Picks)>,
}

impl<'a, W: Workload> Closed<'a, W> {
    /// That many clients of this engine.
    pub(super) fn new(engine: &Engine, workload: &'a W, clients: u32) -> Self {
        let clients = (0..u64::from(clients))
            .map(|client| (engine.session(1), Picks::new(client, workload.aggregates())))
            .collect();
        Self { workload, clients }
    }
}

impl<W: Workload> Measured for Closed<'_, W>
where
    Session<W::Kind>: Send,
{
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        let workload = self.workload;
        run_clients(&mut self.clients, tally, |(session, picks), tally| {
            let mut sent = Instant::now();
            while sent < until {
                let taken = session.submit(workload.id(picks.next()), workload.command());
                let answer = session.reap_wait();
                // One clock read a command: the answer's time is the next one's start.
                let answered = Instant::now();
                tally.record(answered, answered - sent, 1);
                tally.failed += u64::from(taken.is_err() || !matches!(answer, Some(Ok(_))));
                sent = answered;
            }
        })
    }
}
