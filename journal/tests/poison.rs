//! The first failed write stops the journal for good: nothing is retried, nothing goes on.

mod support;

use std::io::ErrorKind;

use hotledger_journal::{EntryHead, Error, Journal, MemoryDisk};
use support::{
    traced::{Change, Fault, TracedDisk},
    *,
};

fn poisoned(error: &Error) -> bool {
    matches!(error, Error::Poisoned(_))
}

#[test]
fn every_later_call_answers_the_same() {
    let disk = TracedDisk::new(MemoryDisk::new());
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 2);
    disk.set_fault(Some(Fault { at: 0, kind: ErrorKind::Other, for_ever: false }));
    add(&mut journal, b"unknown").unwrap();
    journal.submit().unwrap();
    let first = journal.complete(true).unwrap_err();
    assert!(poisoned(&first));
    let again = [
        journal.complete(true).unwrap_err(),
        journal.complete(false).unwrap_err(),
        journal.begin_entry(&EntryHead::default()).unwrap_err(),
        journal.submit().unwrap_err(),
        journal.submit_watermark().unwrap_err(),
        journal.poisoned().unwrap(),
    ];
    assert!(again.iter().all(|error| error.to_string() == first.to_string()));
    assert_eq!(journal.durable_sequence(), 3);
    assert_eq!(drain(&mut journal.reads().reader_from(0).unwrap()).unwrap().len(), 2);
    let changes = disk.changes().len();
    assert!(poisoned(&journal.close().unwrap_err()));
    assert_eq!(disk.changes().len(), changes, "nothing is written any more");
    assert_eq!(open(&disk).unwrap().2.len(), 2, "reopening goes on");
}

/// A journal whose next entry rolls, with one batch that has not been reported yet.
fn before_a_roll(disk: &TracedDisk) -> Journal {
    let (mut journal, ..) = open(disk).unwrap();
    loop {
        let next = journal.next_sequence();
        add(&mut journal, &[7; 200 << 10]).unwrap();
        journal.submit().unwrap();
        if journal.next_sequence() > next + 1 {
            return journal;
        }
        assert!(journal.complete(true).unwrap().is_some(), "it was submitted");
    }
}

#[test]
fn what_a_failing_roll_made_durable_is_reported_no_more_and_found_again() {
    let failed = (0..20).find_map(|at| {
        let disk = TracedDisk::new(MemoryDisk::new());
        let mut journal = before_a_roll(&disk);
        let before = journal.durable_position();
        disk.set_fault(Some(Fault { at, kind: ErrorKind::Other, for_ever: false }));
        let error = journal.begin_entry(&EntryHead::default()).unwrap_err();
        // What goes wrong with the next file comes first, and is no failed write.
        poisoned(&error).then_some((disk, journal, before))
    });
    let (disk, mut journal, before) = failed.expect("a roll writes a footer");
    assert_eq!(journal.durable_position(), before + 1, "the roll has waited for it");
    assert!(poisoned(&journal.complete(true).unwrap_err()), "but nothing is reported any more");
    drop(journal);
    assert_eq!(open(&disk).unwrap().2.len() as u64, before + 1);
}

/// Every change of a run that rolls segments fails once, and for ever.
#[test]
fn any_failing_change() {
    let changes = run(&TracedDisk::new(MemoryDisk::new())).0;
    assert!(changes > 25, "the run covers creation, batches and rolls: {changes}");
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        for (at, for_ever) in (0..changes).flat_map(|at| [(at, false), (at, true)]) {
            let fault = Fault { at, kind, for_ever };
            let disk = TracedDisk::failing(MemoryDisk::new(), fault);
            let (_, acknowledged) = run(&disk);
            disk.set_fault(None);
            let seen = open(&disk).unwrap().2;
            assert!(seen.len() as u64 >= acknowledged, "{fault:?} lost events");
            assert!(seen.len() as u64 <= acknowledged + 1, "{fault:?} invented events");
        }
    }
}

/// Appends until something fails; the changes made and the events acknowledged.
fn run(disk: &TracedDisk) -> (usize, u64) {
    let mut acknowledged = 0;
    let Ok((mut journal, ..)) = open(disk) else { return (disk.changes().len(), 0) };
    for _ in 0..9 {
        let taken = add(&mut journal, &[3; 200 << 10]);
        if taken.is_err() || commit(&mut journal).is_err() {
            break;
        }
        acknowledged += 1;
        if acknowledged == 4 && journal.submit_watermark().is_err() {
            break;
        }
    }
    drop(journal.close());
    (disk.changes().len(), acknowledged)
}

#[test]
fn a_full_disk_is_found_before_anything_is_written_and_passes() {
    let disk = TracedDisk::new(MemoryDisk::new());
    let (mut journal, ..) = open(&disk).unwrap();
    disk.set_fault(None);
    let mut added = 0;
    loop {
        let before = disk.changes().len();
        // The next change fails if it is a creation: batches already have their room.
        let full = Fault { at: 0, kind: ErrorKind::StorageFull, for_ever: true };
        disk.set_fault(Some(full));
        let taken = add(&mut journal, &[3; 200 << 10]);
        disk.set_fault(None);
        match taken {
            Ok(_) => drop(commit(&mut journal).unwrap()),
            Err(Error::Full { .. }) => {
                assert_eq!(disk.changes().len(), before, "nothing was written");
                break;
            }
            Err(other) => panic!("{other}"),
        }
        added += 1;
    }
    assert!(journal.poisoned().is_none());
    assert_eq!(drain(&mut journal.reads().reader_from(0).unwrap()).unwrap().len(), added);
    add(&mut journal, b"there is room again").unwrap();
    commit(&mut journal).unwrap();
    drop(journal);
    assert_eq!(read_all(&disk).unwrap().len(), added + 1);
}

#[test]
fn a_spare_that_finds_no_room_is_removed_again() {
    let reserving = TracedDisk::new(MemoryDisk::new());
    let growing = TracedDisk::new(MemoryDisk::new()).without_reserving();
    // Created, then set aside, then filled.
    for (disk, at) in [(reserving.clone(), 1), (reserving, 2), (growing, 1)] {
        let (mut journal, ..) = open(&disk).unwrap();
        let mut preparer = journal.preparer(Box::new(|| {}));
        disk.set_fault(Some(Fault { at, kind: ErrorKind::StorageFull, for_ever: false }));
        assert!(matches!(preparer.step(), Err(Error::Full { .. })));
        assert!(!hotledger_journal::Disk::list(&disk).unwrap().contains(&segment(2)));
        assert!(matches!(disk.changes().last(), Some(Change::SyncDirectory)));
        disk.set_fault(None);
        assert!(preparer.step().unwrap(), "the next attempt succeeds");
        drop(journal);
        hotledger_journal::Disk::remove(&disk, &segment(2)).unwrap();
    }
}
