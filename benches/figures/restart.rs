//! P5: that a restart from a snapshot takes as long as its tail, however long the history is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hotledger::Position;
use tempfile::TempDir;

use crate::stand::history::{directory, engine_in, snapshots, write, write_snapshot};
use crate::stand::laps::{Laps, repetitions, size};

const ACCOUNTS: u64 = 100_000;
/// Events behind the snapshot, each as a part of the history: of ten million, a million and less.
const TAILS: [u64; 3] = [10, 100, 1_000];
const BASELINE: &str = "baseline: no snapshot";

/// One snapshot in a directory of its own, and the place it was taken at.
struct Shelf {
    name: String,
    directory: TempDir,
    position: Position,
}

pub(crate) fn restart() {
    let events: u64 = size("HOTLEDGER_EVENTS", 10_000_000, 10_000);
    let directory = directory();
    let path = directory.path();
    let shelves = history(path, events);
    let mut times = Laps::new("milliseconds until it is open");
    for _ in 0..repetitions() {
        for shelf in &shelves {
            times.add(&shelf.name, open(path, Some(shelf)));
        }
        times.add(BASELINE, open(path, None));
    }
    println!("{events} events on {ACCOUNTS} accounts, one journal, a snapshot somewhere in it");
    println!("target: it follows the tail");
    times.show();
    let (none, some) = shelves.split_last().expect("there are some");
    some.iter().for_each(|shelf| times.show_ratio(&shelf.name, &none.name));
    times.show_ratio(BASELINE, &none.name);
}

/// A history with snapshots taken on the way, each kept aside: an engine keeps but two.
fn history(path: &Path, events: u64) -> Vec<Shelf> {
    let tails = TAILS.map(|part| events / part).into_iter().chain([0]);
    let mut written = 0;
    let mut shelf = |tail: u64| {
        // The snapshot comes with an event of its own.
        write(path, events - tail - written - 1, ACCOUNTS);
        let position = write_snapshot(path);
        written = position.events();
        Shelf { name: format!("{tail} events behind it"), directory: aside(path), position }
    };
    let shelves = tails.map(&mut shelf).collect();
    snapshots(path).iter().for_each(|stale| fs::remove_file(stale).expect("it was listed"));
    shelves
}

/// The newest snapshot, copied into a directory of its own.
fn aside(path: &Path) -> TempDir {
    let newest: PathBuf = snapshots(path).pop().expect("one was just written");
    let directory = directory();
    let name = newest.file_name().expect("it is a file");
    fs::copy(&newest, directory.path().join(name)).expect("there is room");
    directory
}

fn open(path: &Path, shelf: Option<&Shelf>) -> f64 {
    let mut builder = engine_in(path);
    if let Some(shelf) = shelf {
        builder = builder.snapshots_in(shelf.directory.path());
    }
    let started = Instant::now();
    let (engine, stages) = builder.open_stepped().expect("the journal is sound");
    let taken = started.elapsed();
    assert_eq!(engine.recovery().snapshot, shelf.map(|shelf| shelf.position));
    drop((stages, engine));
    taken.as_secs_f64() * 1e3
}
