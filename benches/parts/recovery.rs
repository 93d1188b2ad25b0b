//! A snapshot built, and a journal replayed, in memory.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use hotledger::codec::encode_state;
use hotledger::{Disk, Durability, Engine, MemoryDisk, SnapshotPolicy, Stage};
use hotledger_journal::Recovery;

use crate::stand::booking::{Account, Command, bare};
use crate::stand::history::book;
use crate::stand::laps::size;

/// A snapshot after one more event: the one before read and proven, the tail folded, the next one
/// written and read back.
pub(crate) fn snapshot(criterion: &mut Criterion) {
    let accounts = size("HOTLEDGER_ACCOUNTS", 100_000, 1_000);
    let mut group = criterion.benchmark_group("snapshot");
    group.sample_size(10).throughput(Throughput::Elements(accounts));
    let disk = history(accounts, accounts);
    let builder = bare(Engine::builder_on(disk)).snapshots(SnapshotPolicy::Events(1));
    let (engine, mut stages) = builder.open_stepped().expect("memory does not refuse");
    group.bench_function(format!("{accounts} accounts"), |bench| {
        bench.iter(|| {
            let booked = engine.aggregate::<Account>(0u64).execute(Command::Book(1)).submit();
            while !booked.is_ready() {
                stages.step(Stage::Writer);
            }
            stages.step(Stage::Snapshots)
        });
    });
    let mut bytes = Vec::new();
    group.bench_function(format!("baseline: {accounts} states encoded and hashed once"), |bench| {
        bench.iter(|| {
            bytes.clear();
            for balance in 0..accounts {
                let state = Account { balance, bookings: 1 };
                encode_state(&state, &mut bytes).expect("memory takes it");
            }
            black_box(blake3::hash(&bytes))
        });
    });
    group.finish();
}

/// An engine opened over a journal without a snapshot.
pub(crate) fn replay(criterion: &mut Criterion) {
    let events = size("HOTLEDGER_EVENTS", 100_000, 1_000);
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10).throughput(Throughput::Elements(events));
    let disk = history(events, events / 10);
    group.bench_function(format!("{events} events"), |bench| {
        bench.iter(|| {
            let builder = bare(Engine::builder_on(disk.clone()));
            builder.open_stepped().expect("the journal is sound")
        });
    });
    group.bench_function(format!("baseline: {events} read and verified alone"), |bench| {
        bench.iter(|| {
            let recovery = Recovery::begin_read_only(disk.clone()).expect("nobody has it open");
            let mut reader = recovery.reader_at(None).expect("the journal is sound");
            while let Some(batch) = reader.next().expect("the journal is sound") {
                black_box(batch.end_position());
            }
        });
    });
    group.finish();
}

/// Each of the accounts once, round and round.
fn history(events: u64, accounts: u64) -> Arc<dyn Disk> {
    let disk = Arc::new(MemoryDisk::new());
    let builder = bare(Engine::builder_on(disk.clone())).durability(Durability::Volatile);
    let engine = builder.open().expect("memory does not refuse");
    book(&engine, (0..accounts).cycle().take(events as usize));
    engine.close().expect("it runs");
    disk
}
