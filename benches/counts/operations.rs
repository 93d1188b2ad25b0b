//! What is counted: each operation makes ready, then runs its counted part on this one thread.

use std::hint::black_box;
use std::sync::Arc;

use hotledger::codec::{decode_state, encode_state, fingerprint};
use hotledger::{CommandKey, Durability, Engine, ManualClock, MemoryDisk, Position};
use hotledger::{Request, Session, Stage, Stages, Stepped, Subscription};

use crate::callgrind::counted_part;
use crate::stand::booking::{Account, Booking, Command, Sum, an_event, bare};

const ACCOUNTS: u64 = 1_000;
const COMMANDS: u64 = 10_000;
/// Events of a journal that is read: enough that a segment's empty end no longer counts.
const HISTORY: u64 = 50_000;
/// Commands under way, and so in a batch.
const IN_FLIGHT: u64 = 1_000;
/// Events of a command that records many.
const EVENTS_EACH: u64 = 100;

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// How often its counted part does it.
    pub(crate) times: u64,
    pub(crate) run: fn(),
}

const fn operation(name: &'static str, times: u64, run: fn()) -> Operation {
    Operation { name, times, run }
}

/// Named by what is counted once.
pub(crate) const OPERATIONS: &[Operation] = &[
    operation("settle", COMMANDS, || settle(Counted::Writer, false, 1)),
    operation("settle-with-key", COMMANDS, || settle(Counted::Writer, true, 1)),
    operation("submit-and-reap", COMMANDS, || settle(Counted::Client, false, 1)),
    operation("settle-event-of-many", COMMANDS, || settle(Counted::Writer, false, EVENTS_EACH)),
    operation("settle-alone-in-batch", COMMANDS / 10, settle_alone),
    operation("execute", COMMANDS / 10, execute),
    operation("encode-raw", COMMANDS, encode_raw),
    operation("fingerprint", COMMANDS, fingerprints),
    operation("encode-state", COMMANDS, encode_states),
    operation("decode-state", COMMANDS, decode_states),
    operation("replay", HISTORY, replay),
    operation("project", HISTORY, project),
    operation("deliver", HISTORY, deliver),
    operation("deliver-raw", HISTORY, deliver_raw),
    operation("read-view", COMMANDS, read_view),
];

/// An engine on this thread, that keeps its journal nowhere.
fn engine() -> (Engine, Stages) {
    let builder = bare(Engine::builder("unused")).durability(Durability::Volatile);
    // The machine's clock is a system call under valgrind.
    let builder = builder.clock(Arc::new(ManualClock::default())).segment_bytes(1 << 30, 1 << 30);
    builder.open_stepped().expect("nothing is on disk that could refuse")
}

#[derive(Clone, Copy, PartialEq)]
enum Counted {
    Writer,
    Client,
    /// While tables and rings reach their size.
    Nothing,
}

impl Counted {
    fn by(self, who: Counted, work: &mut dyn FnMut()) {
        if self == who { counted_part(work) } else { work() }
    }
}

/// Commands that each record so many events, a session full at a time; `COMMANDS` events in all.
fn settle(counted: Counted, keyed: bool, events: u64) {
    let (engine, mut stages) = engine();
    let mut session = engine.session::<Account>(IN_FLIGHT as usize);
    let mut sent = 0;
    for counted in [Counted::Nothing, counted] {
        let until = sent + COMMANDS / events;
        while sent < until {
            let upto = until.min(sent + IN_FLIGHT);
            counted.by(Counted::Client, &mut || submit(&mut session, sent..upto, keyed, events));
            counted.by(Counted::Writer, &mut || write(&mut stages));
            counted.by(Counted::Client, &mut || reap(&mut session));
            sent = upto;
        }
    }
}

fn submit(session: &mut Session<Account>, numbers: std::ops::Range<u64>, keyed: bool, events: u64) {
    for number in numbers {
        let command = if events == 1 { Command::Book(number) } else { Command::BookEach(events) };
        let key = keyed.then(|| CommandKey::from(u128::from(number)));
        let request = Request { key, ..Request::new(number % ACCOUNTS, command) };
        assert!(session.request(request).is_ok(), "there is room for all");
    }
}

/// Everything that the writer finds to do.
fn write(stages: &mut Stages) {
    while stages.step(Stage::Writer) != Stepped::Idle {}
}

fn reap(session: &mut Session<Account>) {
    while let Some(answer) = session.reap() {
        black_box(answer.expect("bookings are accepted"));
    }
}

/// One command a batch, by the session: the batch's own cost is in it.
fn settle_alone() {
    let (engine, mut stages) = engine();
    let mut session = engine.session::<Account>(1);
    for (counted, commands) in [(Counted::Nothing, ACCOUNTS), (Counted::Writer, COMMANDS / 10)] {
        for number in 0..commands {
            submit(&mut session, number..number + 1, false, 1);
            counted.by(Counted::Writer, &mut || write(&mut stages));
            reap(&mut session);
        }
    }
}

/// One command a batch, there and back through the mailbox, the client's side too.
fn execute() {
    let (engine, mut stages) = engine();
    for (counted, commands) in [(Counted::Nothing, ACCOUNTS), (Counted::Writer, COMMANDS / 10)] {
        for number in 0..commands {
            let account = engine.aggregate::<Account>(number % ACCOUNTS);
            counted.by(Counted::Writer, &mut || {
                let booked = account.execute(Command::Book(1)).submit();
                write(&mut stages);
                black_box(booked.wait().expect("bookings are accepted"));
            });
        }
    }
}

/// What the encoder rests on, to tell a change of ours from one of its own.
fn encode_raw() {
    let event: Booking = an_event();
    let mut out = Vec::with_capacity(256);
    counted_part(&mut || {
        for _ in 0..COMMANDS {
            out.clear();
            let mut serializer = rmp_serde::Serializer::new(&mut out).with_struct_map();
            serde::Serialize::serialize(black_box(&event), &mut serializer).expect("it has room");
        }
    });
}

/// The most of what a command with a key costs on its caller's thread.
fn fingerprints() {
    counted_part(&mut || {
        for number in 0..COMMANDS {
            black_box(fingerprint(black_box(&Command::Book(number))));
        }
    });
}

fn encode_states() {
    let state = Account { balance: 1 << 40, bookings: 1 << 40 };
    let mut out = Vec::with_capacity(256);
    counted_part(&mut || {
        for _ in 0..COMMANDS {
            out.clear();
            encode_state(black_box(&state), &mut out).expect("memory takes it");
        }
    });
}

fn decode_states() {
    let mut bytes = Vec::new();
    let state = Account { balance: 1 << 40, bookings: 1 << 40 };
    encode_state(&state, &mut bytes).expect("memory takes it");
    counted_part(&mut || {
        for _ in 0..COMMANDS {
            black_box(decode_state::<Account>(black_box(&bytes)).expect("it was just encoded"));
        }
    });
}

/// A journal in memory of `HISTORY` events.
fn history() -> Arc<MemoryDisk> {
    let disk = Arc::new(MemoryDisk::new());
    let builder = bare(Engine::builder_on(disk.clone())).durability(Durability::Volatile);
    let (engine, mut stages) = builder.open_stepped().expect("memory does not refuse");
    let mut session = engine.session::<Account>(IN_FLIGHT as usize);
    for first in (0..HISTORY).step_by(IN_FLIGHT as usize) {
        submit(&mut session, first..first + IN_FLIGHT, false, 1);
        write(&mut stages);
        reap(&mut session);
        stages.step(Stage::Segments);
    }
    stages.close().expect("it runs");
    disk
}

/// Opening an engine: survey, verification, decode, evolve; what opening costs at all is in it.
fn replay() {
    let disk = history();
    let mut opened = None;
    counted_part(&mut || {
        let builder = bare(Engine::builder_on(disk.clone()));
        opened = Some(builder.open_stepped().expect("the journal is sound"));
    });
    let (engine, _stages) = opened.expect("it was opened");
    assert_eq!(engine.position(), Position::after(HISTORY));
}

/// A view filled from the journal.
fn project() {
    let builder = bare(Engine::builder_on(history())).view::<Sum, Account>();
    let (engine, mut stages) = builder.open_stepped().expect("the journal is sound");
    counted_part(&mut || while stages.step(Stage::Projector(0)) == Stepped::Worked {});
    assert_eq!(engine.view::<Sum>().read().events, HISTORY);
}

/// A subscription from the first event on.
fn deliver() {
    let builder = bare(Engine::builder_on(history()));
    let (engine, _stages) = builder.open_stepped().expect("the journal is sound");
    drain(&engine, engine.subscribe::<Account>(Position::ORIGIN));
}

/// The same for whoever does not know the events' types.
fn deliver_raw() {
    let builder = bare(Engine::builder_on(history()));
    let (engine, _stages) = builder.open_stepped().expect("the journal is sound");
    drain(&engine, engine.subscribe_all(Position::ORIGIN));
}

fn drain<T>(engine: &Engine, mut subscription: Subscription<T>) {
    counted_part(&mut || {
        for _ in 0..HISTORY {
            black_box(subscription.next_wait().expect("the journal is sound"));
        }
    });
    assert_eq!(subscription.position(), engine.position());
}

fn read_view() {
    let builder = bare(Engine::in_memory()).view::<Sum, Account>();
    let (engine, _stages) = builder.open_stepped().expect("memory does not refuse");
    let view = engine.view::<Sum>();
    counted_part(&mut || {
        for _ in 0..COMMANDS {
            black_box(view.read().money);
        }
    });
}
