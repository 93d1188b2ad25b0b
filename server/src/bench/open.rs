//! Open loop: commands are sent when they are due, whether or not the others are answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::line::Line;
use super::schedule::{LATE, Offer, Schedule};
use super::slice::{Measured, Tally, run_clients};
use crate::stamps::BURST;

/// Clients that send at a time of their own.
pub(super) struct Open<L> {
    clients: Vec<Client<L>>,
}

struct Client<L> {
    line: L,
    offer: Offer,
    bursts: VecDeque<Burst>,
    /// Whether the line has taken all that was due since it was full.
    had_room: bool,
}

/// Commands that were sent at the same look at the clock.
struct Burst {
    first: u64,
    commands: u64,
    sent: Instant,
}

impl<L: Line> Open<L> {
    /// A client for each line, which together send what is offered.
    pub(super) fn new(lines: Vec<L>, offer: &Offer) -> Self {
        let offers = offer.shared_by(lines.len());
        let client = |(line, offer): (L, Offer)| {
            let bursts = VecDeque::with_capacity(line.in_flight_max());
            Client { line, offer, bursts, had_room: true }
        };
        Self { clients: lines.into_iter().zip(offers).map(client).collect() }
    }
}

impl<L: Line> Measured for Open<L> {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        run_clients(&mut self.clients, tally, |client, tally| {
            let mut schedule = client.offer.schedule(length);
            while !schedule.is_over() || client.line.in_flight() > 0 {
                let sent = client.send(&mut schedule, tally);
                if client.reap(&schedule, tally) + sent == 0 {
                    // The kernel, which finishes the writes, needs a core now and then.
                    std::thread::yield_now();
                }
            }
        })
    }
}

impl<L: Line> Client<L> {
    /// Sends what is due, as far as there is room; how many it was.
    fn send(&mut self, schedule: &mut Schedule, tally: &mut Tally) -> u64 {
        let now = Instant::now();
        let due = schedule.due(now).min(BURST);
        if due == 0 {
            return 0;
        }
        let late = schedule.overdue(now, LATE);
        self.had_room |= late == 0;
        let commands = self.line.send(due);
        self.had_room &= commands == due;
        match self.had_room {
            true => tally.late += late.min(commands),
            false => tally.held_back += late.min(commands),
        }
        if commands > 0 {
            let first = schedule.take(commands);
            self.bursts.push_back(Burst { first, commands, sent: now });
        }
        commands
    }

    /// Takes the answers that are there; how many it was.
    fn reap(&mut self, schedule: &Schedule, tally: &mut Tally) -> u64 {
        let answers = self.line.reap(BURST, tally);
        if answers > 0 {
            self.count(answers, schedule, tally);
        }
        answers
    }

    fn count(&mut self, answers: u64, schedule: &Schedule, tally: &mut Tally) {
        let now = Instant::now();
        let mut counted = 0;
        while counted < answers {
            let burst = self.bursts.front_mut().expect("what is answered was sent");
            let commands = (answers - counted).min(burst.commands);
            tally.record_service(now - burst.sent, commands);
            for number in burst.first..burst.first + commands {
                tally.record(now, now - schedule.time_of(number), 1);
            }
            let Burst { first, sent, .. } = *burst;
            tally.samples.take(counted..counted + commands, now, |answer| {
                (schedule.time_of(first + answer - counted), sent)
            });
            counted += commands;
            burst.first += commands;
            burst.commands -= commands;
            if burst.commands == 0 {
                self.bursts.pop_front();
            }
        }
        tally.samples.end_look();
    }
}
