//! The parts of the engine, each beside the thing it must not be much slower than.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hotledger::codec::{decode_event, encode_event};
use hotledger::{Durability, Engine, FileDisk};
use hotledger_journal::{Access, AlignedBuffer, Disk};
use support::{Account, AccountEvent, Balances, Command, Total, usual};

const COMMANDS: u64 = 4_096;

/// One command there and back, and many under way: without a disk, so that the hops show.
fn commands(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commands");
    let builder = usual(Engine::builder("unused")).durability(Durability::Volatile);
    let engine = builder.open().expect("nothing is on disk that could refuse");
    let account = engine.aggregate::<Account>(1u64);
    group.bench_function("execute, volatile", |bench| {
        bench.iter(|| account.execute(Command::Deposit(1)).wait());
    });
    let mut session = engine.session::<Account>(COMMANDS as usize);
    group.throughput(Throughput::Elements(COMMANDS));
    group.bench_function("session of 4,096, volatile", |bench| {
        bench.iter(|| {
            for n in 0..COMMANDS {
                assert!(session.submit(n, Command::Deposit(1)).is_ok(), "there is room for all");
            }
            while let Some(answer) = session.reap_wait() {
                black_box(answer).expect("deposits are accepted");
            }
        });
    });
    group.finish();
}

/// A durable command beside the bare write that it rests on.
fn durable(criterion: &mut Criterion) {
    let directory = tempfile::tempdir_in(".").expect("the working directory can be written");
    let mut group = criterion.benchmark_group("durable");
    let disk = FileDisk::open(directory.path()).expect("it was just made");
    let file = disk.create("bare", Access::Commit(Durability::Synced)).expect("it is not there");
    let mut block = AlignedBuffer::new(4_096);
    let blocks = 1_024;
    for n in 0..blocks {
        file.write_all_at(n * 4_096, block.all_mut()).expect("there is room");
    }
    let mut next = 0;
    group.bench_function("bare 4 KiB write", |bench| {
        bench.iter(|| {
            next = (next + 1) % blocks;
            file.write_all_at(next * 4_096, block.all_mut()).expect("it was written before");
        });
    });
    let builder = usual(Engine::builder(directory.path().join("engine")));
    let engine = builder.open().expect("the directory is new");
    let account = engine.aggregate::<Account>(1u64);
    group.bench_function("execute, synced", |bench| {
        bench.iter(|| account.execute(Command::Deposit(1)).wait().expect("it is accepted"));
    });
    group.finish();
}

/// A view and a row, with a hundred thousand accounts in them.
fn reads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reads");
    let engine = usual(Engine::in_memory()).open().expect("memory does not refuse");
    let mut session = engine.session::<Account>(COMMANDS as usize);
    for n in 0..100_000 {
        while session.submit(n, Command::Deposit(n)).is_err() {
            session.reap_wait();
        }
    }
    while session.reap_wait().is_some() {}
    let view = engine.view::<Total>();
    let rows = engine.table::<Balances, Account>();
    view.read_after(engine.position()).expect("it catches up");
    rows.get_after(engine.position(), &0).expect("it catches up");
    group.bench_function("whole view", |bench| bench.iter(|| black_box(view.read().money)));
    let mut key = 0;
    group.bench_function("one row of 100,000", |bench| {
        bench.iter(|| {
            key = (key + 7_919) % 100_000;
            black_box(rows.get(&key))
        });
    });
    group.finish();
}

/// An event to bytes and back, type lookup included.
fn codec(criterion: &mut Criterion) {
    let event = AccountEvent::Deposited { amount: 1_000_000 };
    let encoded = encode_event(&event).expect("it can be stored");
    let mut group = criterion.benchmark_group("codec, with the codec made each time");
    group.bench_function("encode", |bench| bench.iter(|| encode_event(black_box(&event))));
    group.bench_function("decode", |bench| {
        bench.iter(|| decode_event::<AccountEvent>(encoded.name, 1, black_box(&encoded.payload)));
    });
    group.finish();
}

criterion_group!(benches, commands, durable, reads, codec);
criterion_main!(benches);
