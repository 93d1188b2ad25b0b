//! Pipelined: each client keeps a number of commands on their way through a session.

use std::time::{Duration, Instant};

use hotledger::{Aggregate, Engine, ExecuteError, Receipt, Session};

use super::slice::{Measured, Tally, run_clients};
use super::workload::{Picks, Workload};
use crate::stamps::{BURST, Stamps};

type Answer<A> = Result<Receipt, ExecuteError<<A as Aggregate>::Refusal>>;

/// Clients that have many commands on their way each.
pub(super) struct Pipelined<'a, W: Workload> {
    workload: &'a W,
    clients: Vec<Client<W>>,
}

struct Client<W: Workload> {
    session: Session<W::Kind>,
    in_flight_max: usize,
    picks: Picks,
    sent: Stamps,
}

impl<'a, W: Workload> Pipelined<'a, W> {
    /// That many clients of this engine, each with its own session.
    pub(super) fn new(engine: &Engine, workload: &'a W, clients: u32, in_flight: u32) -> Self {
        let clients = (0..u64::from(clients))
            .map(|client| Client {
                session: engine.session::<W::Kind>(in_flight as usize),
                in_flight_max: in_flight as usize,
                picks: Picks::new(client, workload.aggregates()),
                sent: Stamps::with_room_for(in_flight as usize),
            })
            .collect();
        Self { workload, clients }
    }
}

impl<W: Workload> Measured for Pipelined<'_, W>
where
    Session<W::Kind>: Send,
{
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        let workload = self.workload;
        run_clients(&mut self.clients, tally, |client, tally| {
            let mut now = Instant::now();
            while now < until {
                client.submit(workload, now);
                now = client.reap(tally);
            }
            while client.session.in_flight() > 0 {
                client.reap_some(tally);
            }
        })
    }
}

impl<W: Workload> Client<W> {
    fn submit(&mut self, workload: &W, now: Instant) {
        let mut submitted = 0;
        while submitted < BURST {
            let id = workload.id(self.picks.next());
            if self.session.submit(id, workload.command()).is_err() {
                break;
            }
            submitted += 1;
        }
        self.sent.push(now, submitted);
    }

    /// Takes what is answered, and waits for the first answer while the session is full.
    fn reap(&mut self, tally: &mut Tally) -> Instant {
        match self.session.in_flight() == self.in_flight_max {
            true => self.reap_some(tally),
            false => {
                let first = self.session.reap();
                self.count(first, tally)
            }
        }
    }

    /// Waits for an answer and takes those that are there with it.
    fn reap_some(&mut self, tally: &mut Tally) -> Instant {
        let first = self.session.reap_wait();
        self.count(first, tally)
    }

    fn count(&mut self, first: Option<Answer<W::Kind>>, tally: &mut Tally) -> Instant {
        let mut answers = 0;
        let mut next = first;
        while let Some(answer) = next {
            answers += 1;
            tally.failed += u64::from(answer.is_err());
            next = if answers < BURST { self.session.reap() } else { None };
        }
        let now = Instant::now();
        self.sent.answered(answers, |sent, commands| tally.record(now, now - sent, commands));
        now
    }
}
