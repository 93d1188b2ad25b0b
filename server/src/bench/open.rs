//! Open loop: commands are sent when they are due, whether or not the others are answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hotledger::{Engine, Session};

use super::schedule::Schedule;
use super::slice::{Measured, Tally, run_clients};
use super::workload::{Picks, Workload};
use crate::stamps::BURST;

/// A command that is sent so long after it was due is late, unless the session was full: then it
/// is the engine that keeps it waiting.
const LATE: Duration = Duration::from_micros(100);

/// Clients that send at a rate of their own.
pub(super) struct Open<'a, W: Workload> {
    workload: &'a W,
    clients: Vec<Client<W>>,
    /// Commands a second of each client.
    per_s: f64,
}

struct Client<W: Workload> {
    session: Session<W::Kind>,
    picks: Picks,
    bursts: VecDeque<Burst>,
    /// Whether the session has taken all that was due since it was full.
    had_room: bool,
}

/// Commands that were sent at the same look at the clock.
struct Burst {
    first: u64,
    commands: u64,
    sent: Instant,
}

impl<'a, W: Workload> Open<'a, W> {
    /// That many clients, which together send so many commands a second.
    pub(super) fn new(
        engine: &Engine,
        workload: &'a W,
        clients: u32,
        in_flight: u32,
        rate: u32,
    ) -> Self {
        let (per_s, in_flight) = (f64::from(rate) / f64::from(clients), in_flight as usize);
        let clients = (0..u64::from(clients))
            .map(|client| Client {
                session: engine.session::<W::Kind>(in_flight),
                picks: Picks::new(client, workload.aggregates()),
                bursts: VecDeque::with_capacity(in_flight),
                had_room: true,
            })
            .collect();
        Self { workload, clients, per_s }
    }
}

impl<W: Workload> Measured for Open<'_, W>
where
    Session<W::Kind>: Send,
{
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let (workload, per_s) = (self.workload, self.per_s);
        run_clients(&mut self.clients, tally, |client, tally| {
            let mut schedule = Schedule::new(per_s, length);
            while !schedule.is_over() || client.session.in_flight() > 0 {
                let sent = client.send(workload, &mut schedule, tally);
                if client.reap(&schedule, tally) + sent == 0 {
                    // The kernel, which finishes the writes, needs a core now and then.
                    std::thread::yield_now();
                }
            }
        })
    }
}

impl<W: Workload> Client<W> {
    /// Sends what is due, as far as there is room; how many it was.
    fn send(&mut self, workload: &W, schedule: &mut Schedule, tally: &mut Tally) -> u64 {
        let now = Instant::now();
        let due = schedule.due(now).min(BURST);
        if due == 0 {
            return 0;
        }
        let late = schedule.overdue(now, LATE);
        self.had_room |= late == 0;
        let mut commands = 0;
        while commands < due {
            let id = workload.id(self.picks.next());
            if self.session.submit(id, workload.command()).is_err() {
                break;
            }
            commands += 1;
        }
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
        let mut answers = 0;
        while answers < BURST
            && let Some(answer) = self.session.reap()
        {
            tally.failed += u64::from(answer.is_err());
            answers += 1;
        }
        if answers > 0 {
            self.count(answers, schedule, tally);
        }
        answers
    }

    fn count(&mut self, mut answers: u64, schedule: &Schedule, tally: &mut Tally) {
        let now = Instant::now();
        while answers > 0 {
            let burst = self.bursts.front_mut().expect("what is answered was sent");
            let commands = answers.min(burst.commands);
            tally.record_service(now - burst.sent, commands);
            for number in burst.first..burst.first + commands {
                tally.record(now, now - schedule.time_of(number), 1);
            }
            answers -= commands;
            burst.first += commands;
            burst.commands -= commands;
            if burst.commands == 0 {
                self.bursts.pop_front();
            }
        }
    }
}
