//! The raw ring: what a hop to another thread and the answer's hop back take, and nothing else.

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::closed::Closed;
use super::line::Line;
use super::open::Open;
use super::pipelined::Pipelined;
use super::schedule::Offer;
use super::slice::{Measured, Tally};

/// Looks between two yields, as in the engine: others need a core now and then.
const LOOKS_PER_YIELD: u32 = 64;

/// Clients on the one side, one thread that answers them all on the other.
pub(super) struct Ring {
    clients: Box<dyn Measured>,
    answerer: Answerer,
}

impl Ring {
    /// Each client waits for each answer.
    pub(super) fn closed(clients: u32) -> Self {
        let (lines, answerer) = lay(clients, 1);
        Self { clients: Box::new(Closed::new(lines)), answerer }
    }

    /// Each client keeps so many on their way.
    pub(super) fn pipelined(clients: u32, in_flight: u32) -> Self {
        let (lines, answerer) = lay(clients, in_flight);
        Self { clients: Box::new(Pipelined::new(lines)), answerer }
    }

    /// Clients send what is due.
    pub(super) fn open(clients: u32, in_flight: u32, offer: &Offer) -> Self {
        let (lines, answerer) = lay(clients, in_flight);
        Self { clients: Box::new(Open::new(lines, offer)), answerer }
    }
}

impl Measured for Ring {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let (clients, answerer, over) =
            (&mut self.clients, &mut self.answerer, AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| answerer.answer_until(&over));
            let ran = clients.run(length, tally);
            over.store(true, Ordering::Relaxed);
            ran
        })
    }
}

/// Answers a number with a number derived from it.
struct Answerer {
    lanes: Vec<(Consumer<u64>, Producer<u64>)>,
}

impl Answerer {
    fn answer_until(&mut self, over: &AtomicBool) {
        let mut looks = 0;
        while !over.load(Ordering::Relaxed) {
            let answered: usize = self.lanes.iter_mut().map(answer).sum();
            match answered {
                0 => pause(&mut looks),
                _ => looks = 0,
            }
        }
    }
}

fn answer((requests, answers): &mut (Consumer<u64>, Producer<u64>)) -> usize {
    let ready = requests.slots();
    for _ in 0..ready {
        let request = requests.pop().expect("it was counted");
        answers.push(request.wrapping_mul(31)).expect("there is room for every answer");
    }
    ready
}

fn pause(looks: &mut u32) {
    *looks += 1;
    match looks.is_multiple_of(LOOKS_PER_YIELD) {
        true => thread::yield_now(),
        false => hint::spin_loop(),
    }
}

fn lay(clients: u32, in_flight_max: u32) -> (Vec<RingLine>, Answerer) {
    let in_flight_max = in_flight_max as usize;
    let lines = (0..clients).map(|_| {
        let (requests, taken) = RingBuffer::new(in_flight_max);
        let (told, answers) = RingBuffer::new(in_flight_max);
        let line = RingLine { requests, answers, in_flight: 0, in_flight_max, sent: 0, told: 0 };
        (line, (taken, told))
    });
    let (lines, lanes) = lines.unzip();
    (lines, Answerer { lanes })
}

/// A ring each way.
struct RingLine {
    requests: Producer<u64>,
    answers: Consumer<u64>,
    in_flight: usize,
    in_flight_max: usize,
    sent: u64,
    told: u64,
}

impl Line for RingLine {
    fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    fn send(&mut self, most: u64) -> u64 {
        let room = (self.in_flight_max - self.in_flight) as u64;
        for _ in 0..room.min(most) {
            self.requests.push(self.sent).expect("a line with room takes a command");
            self.sent += 1;
            self.in_flight += 1;
        }
        room.min(most)
    }

    fn reap(&mut self, most: u64, tally: &mut Tally) -> u64 {
        let mut answers = 0;
        while answers < most
            && let Ok(answer) = self.answers.pop()
        {
            tally.failed += u64::from(answer != self.told.wrapping_mul(31));
            self.told += 1;
            self.in_flight -= 1;
            answers += 1;
        }
        answers
    }

    fn reap_wait(&mut self, most: u64, tally: &mut Tally) -> u64 {
        let mut looks = 0;
        while self.answers.is_empty() && self.in_flight > 0 {
            pause(&mut looks);
        }
        self.reap(most, tally)
    }
}
