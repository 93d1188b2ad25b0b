//! P10: bytes that an engine takes for a hot aggregate, beside its state and its id.
//!
//! A program of its own, because it counts allocations, which would cost the other benches some
//! nanoseconds each. That no command allocates is a test: `the_pipelined_path_allocates_nothing`.

#[path = "stand/mod.rs"]
mod stand;

use std::collections::HashMap;
use std::hint::black_box;

use allocation_counter::{AllocationInfo, measure};
use foldhash::quality::RandomState;
use hotledger::{Durability, Engine, Stage, Stages};
use stand::booking::{Account, Command, bare};
use stand::laps::size;

const IN_FLIGHT: usize = 4_096;

fn main() {
    let aggregates: u64 = size("HOTLEDGER_AGGREGATES_MAX", 1_000_000, 10_000);
    let own = size_of::<Account>() + size_of::<u64>();
    println!("bytes beside {own} of state and id, each; target: 96 while they stay");
    println!("{:>12}{:34}{:>10}{:>10}", "aggregates", "", "stays", "at most");
    // A hash table doubles: it is fullest just before, and emptiest just after.
    let doubles = fullest_below(aggregates);
    for aggregates in [doubles, doubles + 1, aggregates] {
        show("  an engine", aggregates, &engine_with(aggregates));
        show("  baseline: a map of state and id", aggregates, &map_with(aggregates));
    }
}

/// The most entries below that number that a table takes without growing: 7/8 of a power of two.
fn fullest_below(entries: u64) -> u64 {
    let buckets = 1 << entries.ilog2();
    let full = |buckets: u64| buckets / 8 * 7;
    if full(buckets) < entries { full(buckets) } else { full(buckets / 2) }
}

fn show(name: &str, aggregates: u64, info: &AllocationInfo) {
    let own = (size_of::<Account>() + size_of::<u64>()) as f64;
    let each = |bytes: f64| bytes / aggregates as f64 - own;
    let (stays, most) = (each(info.bytes_current as f64), each(info.bytes_max as f64));
    println!("{aggregates:>12}{name:34}{stays:>10.1}{most:>10.1}");
}

/// What so many aggregates take in an engine that was there before.
fn engine_with(aggregates: u64) -> AllocationInfo {
    let builder = bare(Engine::builder("unused")).durability(Durability::Volatile);
    // On this thread alone, which is the one that is counted.
    let (engine, mut stages) = builder.open_stepped().expect("nothing could refuse");
    // Rings, buffers and the open batch are there whatever the number of aggregates.
    book(&engine, &mut stages, 0..1);
    let info = measure(|| book(&engine, &mut stages, 1..aggregates));
    black_box((engine, stages));
    info
}

fn book(engine: &Engine, stages: &mut Stages, ids: std::ops::Range<u64>) {
    let mut session = engine.session::<Account>(IN_FLIGHT);
    let mut ids = ids.peekable();
    while ids.peek().is_some() || session.in_flight() > 0 {
        while let Some(id) = ids.next_if(|_| session.in_flight() < IN_FLIGHT) {
            assert!(session.submit(id, Command::Book(1)).is_ok(), "there is room");
        }
        stages.step(Stage::Writer);
        stages.step(Stage::Segments);
        while let Some(answer) = session.reap() {
            answer.expect("bookings are accepted");
        }
    }
}

fn map_with(aggregates: u64) -> AllocationInfo {
    let mut map = HashMap::<u64, Account, RandomState>::default();
    let info = measure(|| {
        for id in 0..aggregates {
            map.insert(id, Account { balance: 1, bookings: 1 });
        }
    });
    black_box(map);
    info
}
