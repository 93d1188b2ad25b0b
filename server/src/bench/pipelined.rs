//! Pipelined: each client keeps a number of commands on their way.

use std::time::{Duration, Instant};

use super::line::Line;
use super::slice::{Measured, Tally, run_clients};
use crate::stamps::{BURST, Stamps};

/// Clients that have many commands on their way each.
pub(super) struct Pipelined<L> {
    clients: Vec<Client<L>>,
}

struct Client<L> {
    line: L,
    sent: Stamps,
}

impl<L: Line> Pipelined<L> {
    /// A client for each line.
    pub(super) fn new(lines: Vec<L>) -> Self {
        let client = |line: L| Client { sent: Stamps::with_room_for(line.in_flight_max()), line };
        Self { clients: lines.into_iter().map(client).collect() }
    }
}

impl<L: Line> Measured for Pipelined<L> {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        run_clients(&mut self.clients, tally, |client, tally| {
            let mut now = Instant::now();
            while now < until {
                let sent = client.line.send(BURST);
                client.sent.push(now, sent);
                now = client.reap(tally);
            }
            while client.line.in_flight() > 0 {
                client.reap_some(tally);
            }
        })
    }
}

impl<L: Line> Client<L> {
    /// Takes what is answered, and waits for the first answer while there is no room.
    fn reap(&mut self, tally: &mut Tally) -> Instant {
        match self.line.in_flight() == self.line.in_flight_max() {
            true => self.reap_some(tally),
            false => {
                let answers = self.line.reap(BURST, tally);
                self.count(answers, tally)
            }
        }
    }

    /// Waits for an answer and takes those that are there with it.
    fn reap_some(&mut self, tally: &mut Tally) -> Instant {
        let answers = self.line.reap_wait(BURST, tally);
        self.count(answers, tally)
    }

    fn count(&mut self, answers: u64, tally: &mut Tally) -> Instant {
        let now = Instant::now();
        let mut counted = 0;
        self.sent.answered(answers, |sent, commands| {
            tally.record(now, now - sent, commands);
            tally.samples.take(counted..counted + commands, now, |_| (sent, sent));
            counted += commands;
        });
        tally.samples.end_look();
        now
    }
}
