//! Events appended a second: where nothing is kept and nothing is sealed, to files buffered and
//! synced, beside bare writes.

use std::{
    hint::black_box,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use hotledger_journal::{
    Access, AlignedBuffer, Disk, Durability, EntryHead, EventHead, FileDisk, Journal, MemoryDisk,
    NameId, Options, Recovery, StreamId,
};

fn main() {
    // `cargo test` runs benches without this argument: then once through is enough.
    let real = std::env::args().any(|argument| argument == "--bench");
    let time = if real { Duration::from_secs(3) } else { Duration::from_millis(5) };
    for batch in [1, 16, 256, 4096] {
        run("unsealed", batch, time, Arc::new(MemoryDisk::forgetful()), Durability::Volatile);
        for durability in [Durability::Buffered, Durability::Synced] {
            let home = tempfile::tempdir_in(".").expect("a directory");
            let disk = FileDisk::open(home.path().join("journal")).expect("a directory");
            run("file", batch, time, Arc::new(disk), durability);
        }
    }
    bare_writes(time);
}

fn run(name: &str, batch: u64, time: Duration, disk: Arc<dyn Disk>, durability: Durability) {
    let names = vec!["account".to_owned(), "deposited".to_owned()];
    let options = Options { durability, names, ..Options::default() };
    let recovery = Recovery::begin(disk.clone(), options).expect("a new journal");
    let reader = recovery.reader_at(None).expect("a new journal");
    let (mut journal, _) = recovery.finish(reader).expect("a new journal");
    let (started, mut events) = (Instant::now(), 0);
    while started.elapsed() < time {
        append_batch(&mut journal, batch);
        journal.submit().expect("written");
        black_box(journal.complete(true).expect("written"));
        events += batch;
    }
    let rate = events as f64 / started.elapsed().as_secs_f64();
    println!("{name:>9} {durability:>8} {batch:>5} events a batch {rate:>12.0} events/s");
}

fn append_batch(journal: &mut Journal, events: u64) {
    for at in 0..events {
        if !journal.has_room() {
            journal.submit().expect("written");
            black_box(journal.complete(true).expect("written"));
        }
        journal.begin_entry(&EntryHead { time: at as i64, ..EntryHead::default() }).expect("room");
        let (kind, event_type, id) = (NameId(0), NameId(1), StreamId::U64(at));
        let head = EventHead { kind, event_type, schema: 1, id, version: at };
        let encoded = journal.event(&head, |payload| {
            payload.write_all(&[0x81, 0xa6])?;
            payload.write_all(b"amount")?;
            payload.write_all(&at.to_be_bytes())
        });
        encoded.expect("a small payload");
        journal.finish_entry();
    }
}

fn bare_writes(time: Duration) {
    let home = tempfile::tempdir_in(".").expect("a directory");
    let disk = FileDisk::open(home.path()).expect("a directory");
    let mut zeros = AlignedBuffer::new(1 << 20);
    let file = disk.create("bare", Access::Commit(Durability::Synced)).expect("a file");
    file.write_all_at(0, zeros.all_mut()).expect("written");
    file.sync().expect("synced");
    let (started, mut writes) = (Instant::now(), 0);
    while started.elapsed() < time {
        let offset = writes % 256 * 4096;
        file.write_all_at(offset, &zeros.all_mut()[..4096]).expect("written");
        writes += 1;
    }
    let rate = writes as f64 / started.elapsed().as_secs_f64();
    println!(
        "     bare   synced     4 KiB writes       {rate:>12.0} writes/s, {}",
        disk.describe()
    );
}
