//! There and back between two threads: commands, many commands, and events to a subscription.

use std::hint::black_box;
use std::thread;

use criterion::{Criterion, Throughput};
use hotledger::{Delivery, Durability, Engine};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::stand::booking::{Account, Command, bare};

const COMMANDS: u64 = 4_096;

/// An engine that keeps its journal nowhere: the hops show, and the disk does not.
fn engine() -> Engine {
    let builder = bare(Engine::builder("unused")).durability(Durability::Volatile);
    builder.open().expect("nothing is on disk that could refuse")
}

/// One command there and back, and many under way, beside bare rings to a thread that echoes.
pub(crate) fn commands(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commands");
    Echo::beside(|echo| {
        group.bench_function("baseline: ring there and back", |bench| {
            bench.iter(|| echo.there_and_back(1));
        });
    });
    let engine = engine();
    let account = engine.aggregate::<Account>(1u64);
    group.bench_function("execute, volatile", |bench| {
        bench.iter(|| account.execute(Command::Book(1)).wait());
    });
    let mut session = engine.session::<Account>(COMMANDS as usize);
    group.throughput(Throughput::Elements(COMMANDS));
    group.bench_function("session of 4,096, volatile", |bench| {
        bench.iter(|| {
            for n in 0..COMMANDS {
                assert!(session.submit(n, Command::Book(1)).is_ok(), "there is room for all");
            }
            while let Some(answer) = session.reap_wait() {
                black_box(answer).expect("bookings are accepted");
            }
        });
    });
    engine.close().expect("it runs");
    Echo::beside(|echo| {
        group.bench_function("baseline: rings of 4,096", |bench| {
            bench.iter(|| echo.there_and_back(COMMANDS));
        });
    });
    group.finish();
}

/// One command until a subscription on the same thread hands out its event.
pub(crate) fn subscription(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("subscription");
    // Not forgetful: who comes late to the feed looks into the journal.
    let builder = bare(Engine::in_memory()).durability(Durability::Volatile);
    let engine = builder.open().expect("memory does not refuse");
    let account = engine.aggregate::<Account>(1u64);
    group.bench_function("baseline: execute alone", |bench| {
        bench.iter(|| account.execute(Command::Book(1)).wait());
    });
    let mut subscription = engine.subscribe::<Account>(engine.position());
    group.bench_function("execute, then next", |bench| {
        bench.iter(|| {
            account.execute(Command::Book(1)).wait().expect("bookings are accepted");
            loop {
                let delivered = subscription.next_wait().expect("memory can be read");
                if let Delivery::Event(event) = delivered.expect("the engine runs") {
                    return event;
                }
            }
        });
    });
    group.finish();
}

/// A thread that sends back what it is sent, over rings like those of a session.
struct Echo {
    there: Producer<u64>,
    back: Consumer<u64>,
}

impl Echo {
    fn beside(work: impl FnOnce(&mut Echo)) {
        let (there, mut taken) = RingBuffer::new(COMMANDS as usize);
        let (mut told, back) = RingBuffer::new(COMMANDS as usize);
        thread::scope(|scope| {
            // Ends once the other end is dropped, and has nothing left.
            scope.spawn(move || {
                while !taken.is_abandoned() {
                    while let Ok(number) = taken.pop() {
                        told.push(number).expect("no more is under way than the ring holds");
                    }
                    thread::yield_now();
                }
            });
            work(&mut Echo { there, back });
        });
    }

    fn there_and_back(&mut self, numbers: u64) {
        for n in 0..numbers {
            self.there.push(n).expect("all that was sent came back");
        }
        for _ in 0..numbers {
            while self.back.pop().is_err() {
                thread::yield_now();
            }
        }
    }
}
