//! Journals that are made to be read: so many events on disk, a snapshot where one is wanted.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use hotledger::{Builder, Durability, Engine, Position, SnapshotPolicy, Stage, Stepped};
use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;

use super::booking::{Account, Command, bare};
use super::picks::Picks;

/// Commands under way while a history is written.
const IN_FLIGHT: usize = 8_192;

/// A directory where the build puts things, which is on a disk where `/tmp` may be none.
pub fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target directory can be written")
}

/// Accounts in this directory, as durable as the page cache: history is to be read, not timed.
pub fn engine_in(directory: &Path) -> Builder {
    bare(Engine::builder(directory)).durability(Durability::Buffered)
}

/// Books once on each of these accounts, pipelined.
pub fn book(engine: &Engine, accounts: impl Iterator<Item = u64>) {
    let mut session = engine.session::<Account>(IN_FLIGHT);
    for id in accounts {
        while session.submit(id, Command::Book(1)).is_err() {
            session.reap_wait().expect("some are under way").expect("a booking is taken");
        }
    }
    while let Some(answer) = session.reap_wait() {
        answer.expect("a booking is taken");
    }
}

/// Goes on with the history in this directory by so many events, on random accounts.
pub fn write(directory: &Path, events: u64, accounts: u64) {
    let engine = engine_in(directory).open().expect("the journal is sound");
    book(&engine, Picks::below(accounts).take(events as usize));
    engine.close().expect("the engine runs");
}

/// Goes on by one event, and writes a snapshot behind it.
pub fn write_snapshot(directory: &Path) -> Position {
    let builder = engine_in(directory).snapshots(SnapshotPolicy::Events(1));
    let (engine, mut stages) = builder.open_stepped().expect("the journal is sound");
    let booked = engine.aggregate::<Account>(0u64).execute(Command::Book(1)).submit();
    while !booked.is_ready() {
        stages.step(Stage::Writer);
    }
    let position = booked.wait().expect("a booking is taken").position;
    assert_eq!(stages.step(Stage::Snapshots), Stepped::Worked, "a snapshot is due");
    stages.close().expect("the engine runs");
    position
}

/// The segments of the journal.
pub fn segments(directory: &Path) -> Vec<PathBuf> {
    files(directory, "segment-")
}

/// The snapshots beside the journal.
pub fn snapshots(directory: &Path) -> Vec<PathBuf> {
    files(directory, "snapshot-")
}

fn files(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let listed = fs::read_dir(directory).expect("the directory is there");
    let paths = listed.map(|entry| entry.expect("it can be listed").path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(prefix))
    };
    let mut paths: Vec<_> = paths.filter(is_one).collect();
    paths.sort();
    paths
}

/// Bytes of these files.
pub fn bytes(files: &[PathBuf]) -> u64 {
    files.iter().map(|path| fs::metadata(path).expect("it was listed").len()).sum()
}

/// Reads every byte of the files through the page cache, a mebibyte at a time.
pub fn read_through(files: &[PathBuf]) -> u64 {
    let mut block = vec![0; 1 << 20];
    let mut bytes = 0;
    for path in files {
        let mut file = File::open(path).expect("it was listed");
        loop {
            match file.read(&mut block).expect("it can be read") {
                0 => break,
                read => bytes += read as u64,
            }
        }
    }
    bytes
}

/// Has the kernel forget what it holds of these files.
pub fn forget(files: &[PathBuf]) {
    for path in files {
        let file = File::open(path).expect("it was listed");
        // What is not on disk yet cannot be forgotten.
        file.sync_all().expect("it can be synced");
        fadvise(&file, 0, None, Advice::DontNeed).expect("Linux takes the advice");
    }
}
