//! P5: how fast an engine comes up without a snapshot, beside reading the same files.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hotledger::{Disk, FileDisk};
use hotledger_journal::{Access, AlignedBuffer, Recovery};

use crate::stand::history::{
    bytes, directory, engine_in, forget, read_through, segments, snapshots, write,
};
use crate::stand::laps::{Laps, repetitions, size};

const ACCOUNTS: u64 = 100_000;
/// What is asked of the disk at once, as recovery does.
const CHUNK_BYTES: usize = 1 << 20;

pub(crate) fn replay() {
    let events = size("HOTLEDGER_EVENTS", 10_000_000, 10_000);
    let directory = directory();
    let path = directory.path();
    write(path, events, ACCOUNTS);
    assert!(snapshots(path).is_empty(), "it is replayed from the first event");
    let (mut rates, mut speeds) = (Laps::new("million events/s"), Laps::new("MB/s"));
    for _ in 0..repetitions() {
        let files = segments(path);
        let megabytes = bytes(&files) as f64 / 1e6;
        let mut lap = |name: &str, work: &mut dyn FnMut()| {
            let started = Instant::now();
            work();
            let seconds = started.elapsed().as_secs_f64();
            rates.add(name, events as f64 / 1e6 / seconds);
            speeds.add(name, megabytes / seconds);
        };
        forget(&files);
        lap("replay, cold", &mut || replayed(path, events));
        forget(&files);
        lap("baseline: files read, cold", &mut || assert!(read_through(&files) > 0));
        lap("replay, warm", &mut || replayed(path, events));
        read_through(&files);
        lap("baseline: files read, warm", &mut || assert!(read_through(&files) > 0));
        lap("baseline: files read past the cache", &mut || read_direct(path));
        lap("baseline: batches read and verified alone", &mut || verified(path, events));
    }
    println!("{events} events; only the last segment is always read past the page cache");
    println!("target: 8 million/s warm; cold 0.8 of the rate at which the files are read");
    rates.show();
    speeds.show();
    speeds.show_ratio("replay, cold", "baseline: files read, cold");
    speeds.show_ratio("replay, cold", "baseline: files read past the cache");
    speeds.show_ratio("replay, warm", "baseline: batches read and verified alone");
}

fn replayed(directory: &Path, events: u64) {
    let (engine, stages) = engine_in(directory).open_stepped().expect("the journal is sound");
    assert_eq!(engine.recovery().tail_events, events);
    // As after a crash: nothing is sealed, and the next lap reads the same again.
    drop((stages, engine));
}

/// The floor: everything recovery does but decode and evolve. The files are in the page cache.
fn verified(directory: &Path, events: u64) {
    let disk = FileDisk::open_existing(directory).expect("it is there");
    let recovery = Recovery::begin_read_only(Arc::new(disk)).expect("nobody has it open");
    let mut reader = recovery.reader_at(None).expect("the journal is sound");
    let mut end = 0;
    while let Some(batch) = reader.next().expect("the journal is sound") {
        end = batch.end_position();
    }
    assert_eq!(end, events);
}

fn read_direct(directory: &Path) {
    let disk = FileDisk::open_existing(directory).expect("it is there");
    let mut chunk = AlignedBuffer::new(CHUNK_BYTES);
    let names = disk.list().expect("it can be listed");
    for name in names.iter().filter(|name| name.starts_with("segment-")) {
        let file = disk.open(name, Access::ReadDirect).expect("it was listed");
        let mut at = 0;
        loop {
            match file.read_at(at, black_box(chunk.all_mut())).expect("it can be read") {
                0 => break,
                read => at += read as u64,
            }
        }
    }
}
