//! P8: that a command costs the same however many came before it, here or on other aggregates.

use std::time::Instant;

use hotledger::{Durability, Engine};

use crate::stand::booking::bare;
use crate::stand::history::book;
use crate::stand::laps::{Laps, repetitions, size};
use crate::stand::picks::Picks;

/// Commands of one slice: some milliseconds, so that slices take turns before the machine drifts.
const SLICE: u64 = 50_000;
/// Commands on one young aggregate, which is then no longer young.
const YOUTH: u64 = 1_000;
const YOUNG: &str = "an aggregate with 10 events";

pub(crate) fn flat() {
    println!("Volatile, pipelined, one session; the journal is kept nowhere");
    versions();
    aggregates();
    commands();
}

fn engine() -> Engine {
    let builder = bare(Engine::builder("unused")).durability(Durability::Volatile);
    builder.open().expect("nothing is on disk that could refuse")
}

/// Nanoseconds a command.
fn timed(engine: &Engine, commands: u64, accounts: impl Iterator<Item = u64>) -> f64 {
    let started = Instant::now();
    book(engine, accounts);
    started.elapsed().as_nanos() as f64 / commands as f64
}

/// Event 10 and event 1,000,000 of one aggregate.
fn versions() {
    let version: u64 = size("HOTLEDGER_VERSION_MAX", 1_000_000, 1_000);
    let engine = engine();
    let old = u64::MAX;
    book(&engine, (0..version).map(|_| old));
    let aged = format!("an aggregate with {version}");
    let mut times = Laps::new("nanoseconds a command");
    for repetition in 0..repetitions() as u64 {
        // One after the other, each from its 10th event on.
        let young = repetition * SLICE..repetition * SLICE + SLICE / YOUTH;
        book(&engine, young.clone().flat_map(|id| (0..10).map(move |_| id)));
        let commands = young.flat_map(|id| (0..YOUTH).map(move |_| id));
        times.add(YOUNG, timed(&engine, SLICE, commands));
        times.add(&aged, timed(&engine, SLICE, (0..SLICE).map(|_| old)));
    }
    times.show();
    times.show_ratio(&aged, YOUNG);
    println!("  target: the same");
}

/// 100 aggregates and 1,000,000, picked at random.
fn aggregates() {
    let most = size("HOTLEDGER_AGGREGATES_MAX", 1_000_000, 1_000);
    let slice = size("HOTLEDGER_SLICE", 20 * SLICE, SLICE);
    let sizes = [100, 10_000, 100_000, most].into_iter().filter(|accounts| *accounts <= most);
    let engines = sizes.map(|accounts| {
        let engine = engine();
        book(&engine, 0..accounts);
        (accounts, engine)
    });
    let engines: Vec<_> = engines.collect();
    let name = |accounts: u64| format!("{accounts} aggregates");
    let mut times = Laps::new("nanoseconds a command");
    for _ in 0..repetitions() {
        for (accounts, engine) in &engines {
            let commands = Picks::below(*accounts).take(slice as usize);
            times.add(name(*accounts), timed(engine, slice, commands));
        }
    }
    times.show();
    times.show_ratio(name(most), name(100));
    println!("  target: 2.5");
}

/// From 100,000 commands on, ten times as many each, on 100,000 accounts.
fn commands() {
    let most = size("HOTLEDGER_COMMANDS_MAX", 10_000_000, 10_000);
    let least: u64 = 100_000.min(most);
    let sizes = std::iter::successors(Some(least), |commands| Some(commands * 10));
    let sizes: Vec<_> = sizes.take_while(|commands| *commands <= most).collect();
    let mut times = Laps::new("nanoseconds a command");
    let name = |commands: u64| format!("{commands} commands");
    for _ in 0..repetitions() {
        for commands in &sizes {
            let engine = engine();
            book(&engine, 0..least);
            let picked = Picks::below(least).take(*commands as usize);
            times.add(name(*commands), timed(&engine, *commands, picked));
        }
    }
    times.show();
    sizes[1..].iter().for_each(|commands| times.show_ratio(name(*commands), name(least)));
    println!("  target: the same, from 100,000 to 100,000,000 (HOTLEDGER_COMMANDS_MAX)");
}
