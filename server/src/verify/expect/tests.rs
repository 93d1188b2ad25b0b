//! What is said of receipts without events.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use hotledger_journal::verify::{Seen, go_through};
use hotledger_journal::{
    Disk, EntryHead, EntryKey, EventHead, Journal, MemoryDisk, NameId, Options, Recovery, StreamId,
};

use super::*;

/// Puts one entry into a batch of its own: with an event, or with a key only.
fn commit(journal: &mut Journal, with_event: bool) -> Expectation {
    let key = Some(EntryKey { key: [1; 16], fingerprint: 2, version: 3 });
    journal.begin_entry(&EntryHead { key, ..EntryHead::default() }).expect("an entry");
    if with_event {
        let (kind, event_type) = (NameId(0), NameId(1));
        let head = EventHead { kind, event_type, schema: 1, id: StreamId::U64(1), version: 1 };
        journal.event(&head, |room| room.write_all(b"5")).expect("an event");
    }
    let position = Position::after(journal.finish_entry());
    journal.submit().expect("a batch");
    let written = journal.complete(true).expect("a disk").expect("a batch");
    Expectation { position, chain: written.batch.chain() }
}

fn open(disk: &MemoryDisk) -> Journal {
    let names = vec!["account".to_owned(), "Deposited".to_owned()];
    let options = Options { names, ..Options::default() };
    let recovery = Recovery::begin(Arc::new(disk.clone()), options).expect("a journal");
    let mut reader = recovery.reader_at(None).expect("a reader");
    while reader.next().expect("a batch").is_some() {}
    recovery.finish(reader).expect("it opens").0
}

fn kinds(disk: &MemoryDisk, expected: &[Expectation]) -> Vec<&'static str> {
    let mut expectations = Expectations::new(expected.iter().copied());
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    go_through(&disk, &mut |seen| {
        if let Seen::Batch(batch) = seen {
            expectations.see(batch);
        }
        ControlFlow::Continue(())
    })
    .expect("a journal");
    expectations.findings().map(|line| line.kind).collect()
}

#[test]
fn a_command_without_events_has_a_place_too() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    let (first, second) = (commit(&mut journal, false), commit(&mut journal, true));
    let (third, fourth) = (commit(&mut journal, false), commit(&mut journal, true));
    journal.close().expect("a close");
    assert_eq!((first.position, third.position), (Position::ORIGIN, Position::at(0)));
    assert!(kinds(&disk, &[first, second, third, fourth]).is_empty());
    // The chain of the batch with the event does not stand for the one without, nor the reverse.
    let crossed = Expectation { position: fourth.position, chain: third.chain };
    assert_eq!(kinds(&disk, &[crossed]), ["forked"]);
    let other = MemoryDisk::new();
    let mut journal = open(&other);
    commit(&mut journal, true);
    journal.close().expect("a close");
    assert_eq!(kinds(&other, &[first, third, fourth]), ["forked", "forked", "rolled_back"]);
    assert_eq!(kinds(&MemoryDisk::new(), &[first, second]), ["rolled_back", "rolled_back"]);
}
