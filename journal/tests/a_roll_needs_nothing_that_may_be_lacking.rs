//! What the next segment needs is there before the last one ends; whatever is lacking then is an
//! answer that passes, never a failed write.

#[path = "support/scarce.rs"]
mod scarce;
mod support;

use hotledger_journal::{Error, Journal, MemoryDisk};
use rustix::io::Errno;
use scarce::ScarceDisk;
use support::*;

const PAYLOAD: &[u8] = &[5; 100 << 10];

/// Appends until it is refused.
fn fill(journal: &mut Journal) -> (u64, Error) {
    let mut added = 0;
    loop {
        match add(journal, PAYLOAD) {
            Ok(_) => drop(commit(journal).unwrap()),
            Err(refused) => return (added, refused),
        }
        added += 1;
    }
}

#[test]
fn without_a_descriptor_the_prepared_segment_is_used_up_and_readers_fail_alone() {
    let disk = ScarceDisk::new(MemoryDisk::new());
    let (mut journal, ..) = open(&disk).unwrap();
    let mut preparer = journal.preparer(Box::new(|| {}));
    assert!(preparer.step().unwrap());
    let mut reader = journal.reads().reader_from(0).unwrap();
    disk.refuse_to_open(Errno::MFILE);
    while journal.segment_count() == 1 {
        add(&mut journal, PAYLOAD).unwrap();
        commit(&mut journal).unwrap();
    }
    assert!(matches!(preparer.step(), Err(Error::Full { .. })));
    let (_, refused) = fill(&mut journal);
    assert!(refused.to_string().contains("Too many open files"), "{refused}");
    assert!(matches!(refused, Error::Full { .. }) && journal.poisoned().is_none());
    assert_eq!(journal.segment_count(), 2, "the roll found all it needed");
    let events = journal.durable_position();

    assert!(matches!(journal.reads().reader_from(0), Err(Error::Io { .. })));
    let mut before = Vec::new();
    let failed = loop {
        match reader.next() {
            Ok(Some(batch)) => see(&batch, &mut before).unwrap(),
            Ok(None) => panic!("the second segment cannot be opened"),
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, Error::Io { .. }), "{failed}");
    assert!(matches!(reader.next(), Err(Error::Io { .. })), "it stays where it is");

    disk.has_everything();
    assert!(preparer.step().unwrap());
    before.extend(drain(&mut reader).unwrap());
    assert_eq!(before.len() as u64, events, "and goes on without a gap");
    add(&mut journal, PAYLOAD).unwrap();
    commit(&mut journal).unwrap();
    assert_eq!(journal.segment_count(), 3);
}

#[test]
fn a_segment_that_was_made_and_could_not_be_opened_is_not_made_again() {
    let disk = ScarceDisk::new(MemoryDisk::new());
    let (mut journal, ..) = open(&disk).unwrap();
    journal.preparer(Box::new(|| {})).step().unwrap();
    drop(journal);
    // Found prepared by the next opening, it has yet to be opened.
    let (mut journal, ..) = open(&disk).unwrap();
    disk.refuse_to_open(Errno::NFILE);
    let (added, refused) = fill(&mut journal);
    assert!(added > 3 && matches!(refused, Error::Full { .. }), "{refused}");
    // There is still no room for another file, and none is needed.
    disk.refuse_to_create(Errno::NOSPC);
    add(&mut journal, PAYLOAD).unwrap();
    commit(&mut journal).unwrap();
    assert_eq!(journal.segment_count(), 2);
}

#[test]
fn each_cause_is_named_refuses_before_anything_is_written_and_passes() {
    let room = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::MFILE, Errno::NFILE];
    let others = [Errno::IO, Errno::ACCESS, Errno::ROFS, Errno::NODEV];
    for (why, is_room) in
        room.map(|why| (why, true)).into_iter().chain(others.map(|why| (why, false)))
    {
        for attended in [false, true] {
            let disk = ScarceDisk::new(MemoryDisk::new());
            let (mut journal, ..) = open(&disk).unwrap();
            disk.refuse_to_create(why);
            let mut preparer = attended.then(|| journal.preparer(Box::new(|| {})));
            let failed = preparer.as_mut().map(|preparer| preparer.step().unwrap_err());
            let (added, refused) = fill(&mut journal);
            let before = contents(&disk);
            let again = add(&mut journal, PAYLOAD).unwrap_err();
            assert_eq!(matches!(again, Error::Full { .. }), is_room, "{why:?}: {again}");
            assert_eq!(matches!(again, Error::NotPrepared(_)), !is_room, "{why:?}: {again}");
            assert!(failed.is_none_or(|failed| failed.to_string() == again.to_string()));
            assert_eq!(refused.to_string(), again.to_string());
            let said = again.to_string();
            assert!(said.contains("segment-0000000002.hl"), "{said}");
            assert_eq!(contents(&disk), before, "nothing was written");
            assert!(journal.poisoned().is_none());

            disk.has_everything();
            assert!(preparer.is_none_or(|mut preparer| preparer.step().unwrap()));
            add(&mut journal, PAYLOAD).unwrap();
            commit(&mut journal).unwrap();
            journal.close().unwrap();
            assert_eq!(read_all(&disk).unwrap().len() as u64, added + 1);
        }
    }
}
