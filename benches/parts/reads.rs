//! A view and a row among many, beside other ways to share the same.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use criterion::Criterion;
use foldhash::quality::RandomState;
use hotledger::{Durability, Engine, TableReader, ViewReader};

use crate::stand::booking::{Account, Balances, Sum, bare};
use crate::stand::history::book;
use crate::stand::laps::size;
use crate::stand::picks::Picks;

/// An engine with one booking on each of so many accounts, all of them in its view and table.
fn engine(accounts: u64) -> (Engine, ViewReader<Sum>, TableReader<u64, u64>) {
    let builder = bare(Engine::in_memory()).durability(Durability::Volatile);
    let builder = builder.view::<Sum, Account>().table::<Balances, Account>();
    let engine = builder.open().expect("memory does not refuse");
    book(&engine, 0..accounts);
    let (view, rows) = (engine.view::<Sum>(), engine.table::<Balances, Account>());
    let wait = Duration::from_secs(60);
    drop(view.read_after_within(engine.position(), wait).expect("it catches up"));
    rows.get_after_within(engine.position(), &0, wait).expect("it catches up");
    (engine, view, rows)
}

pub(crate) fn view(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole view");
    let (_engine, view, _) = engine(1_000);
    group.bench_function("read", |bench| bench.iter(|| black_box(view.read().money)));
    let sum = Sum { money: 1, events: 1 };
    let swap = ArcSwap::new(Arc::new(sum.clone()));
    group.bench_function("baseline: arc-swap", |bench| {
        bench.iter(|| black_box(swap.load().money));
    });
    let locked = RwLock::new(sum);
    group.bench_function("baseline: read-write lock", |bench| {
        bench.iter(|| black_box(locked.read().expect("nobody panicked").money));
    });
    group.finish();
}

pub(crate) fn row(criterion: &mut Criterion) {
    let accounts = size("HOTLEDGER_ROWS", 1_000_000, 1_000);
    let mut group = criterion.benchmark_group("one row of many");
    let (_engine, _, rows) = engine(accounts);
    let mut keys = Picks::below(accounts);
    group.bench_function("get", |bench| {
        bench.iter(|| black_box(rows.get(&keys.next().expect("they never end"))));
    });
    let map = papaya::HashMap::builder().hasher(RandomState::default()).build();
    let plain: HashMap<u64, u64, RandomState> = (0..accounts).map(|id| (id, id)).collect();
    plain.iter().for_each(|(id, row)| {
        map.pin().insert(*id, *row);
    });
    group.bench_function("baseline: papaya, pin and get", |bench| {
        bench.iter(|| black_box(map.pin().get(&keys.next().expect("they never end")).copied()));
    });
    group.bench_function("baseline: a map of one thread", |bench| {
        bench.iter(|| black_box(plain.get(&keys.next().expect("they never end")).copied()));
    });
    group.finish();
}
