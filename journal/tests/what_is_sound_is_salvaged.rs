//! Salvage keeps everything before the first loss at its place, tells each loss, and what is sound
//! behind it; the source is not changed.

mod support;

use std::{ops::ControlFlow, sync::Arc};

use hotledger_journal::{
    Disk, EntryHead, EntryKey, Error, MemoryDisk, Recovery,
    salvage::{Account, Loss, Salvaged, salvage},
    verify::{Seen, go_through, verify},
};
use support::*;

/// What salvage made of a disk.
struct Outcome {
    target: MemoryDisk,
    account: Account,
    losses: Vec<Loss>,
    behind: Vec<support::Seen>,
}

fn salvaged(source: &MemoryDisk) -> Outcome {
    let before = contents(source);
    let target = MemoryDisk::new();
    let (mut losses, mut behind) = (Vec::new(), Vec::new());
    let shared: Arc<dyn Disk> = Arc::new(source.copy());
    let account = salvage(&shared, || Ok(Arc::new(target.clone())), &mut |told| {
        match told {
            Salvaged::Lost(loss) => losses.push(loss),
            Salvaged::Behind(batch) => see(batch, &mut behind).expect("it decodes"),
        }
        ControlFlow::Continue(())
    })
    .expect("a salvage");
    assert_eq!(contents(source), before, "salvage changes no byte of its source");
    assert_eq!(account.losses, losses.len() as u64);
    assert_eq!(account.events_behind, behind.len() as u64);
    let sound: Arc<dyn Disk> = Arc::new(target.clone());
    let summary = verify(&sound, &mut |finding| panic!("the copy is damaged: {finding:?}"));
    let summary = summary.expect("a copy");
    assert_eq!((summary.events, summary.entries), (account.events, account.entries));
    assert_eq!(summary.journal_id, Some(account.journal_id));
    assert_ne!(summary.journal_id, account.source, "another journal, another identity");
    Outcome { target, account, losses, behind }
}

/// Three segments of batches with up to ten entries, opened twice, with an entry without events.
fn journal() -> (MemoryDisk, Vec<support::Seen>) {
    let disk = MemoryDisk::new();
    for _ in 0..2 {
        let (mut journal, ..) = open(&disk).unwrap();
        while journal.segment_count() < 3 {
            for _ in 0..10 {
                if journal.has_room() {
                    add(&mut journal, &[7; 9_000]).unwrap();
                }
            }
            commit(&mut journal).unwrap();
        }
        let key = Some(EntryKey { key: [3; 16], fingerprint: 1, version: 2 });
        journal.begin_entry(&EntryHead { time: 5, key, ..EntryHead::default() }).unwrap();
        journal.finish_entry();
        commit(&mut journal).unwrap();
        add(&mut journal, b"the last").unwrap();
        commit(&mut journal).unwrap();
        journal.close().unwrap();
    }
    let seen = read_all(&disk).unwrap();
    (disk, seen)
}

fn assert_nothing_lost(outcome: &Outcome, seen: &[support::Seen]) {
    assert_eq!(outcome.losses, []);
    assert_eq!(read_all(&outcome.target).unwrap(), seen);
    let entries: u64 =
        data_batches(&outcome.target).iter().map(|b| u64::from(b.entry_count())).sum();
    assert_eq!(outcome.account.entries, entries, "entries without events are kept");
}

#[test]
fn a_sound_journal_is_copied_whole() {
    let (disk, seen) = journal();
    let outcome = salvaged(&disk);
    assert_nothing_lost(&outcome, &seen);
    assert_eq!(outcome.account.entries, seen.len() as u64 + 2);
    let last = data_batches(&disk).last().unwrap().chain();
    assert_eq!(outcome.account.source_chain, last, "the chain that receipts gave");
}

#[test]
fn a_batch_in_the_middle_is_lost_and_what_follows_is_told() {
    let (disk, seen) = journal();
    let batch = data_batches(&disk).swap_remove(4);
    flip(&disk, &segment(batch.segment()), batch.offset() + 300, 1);
    let outcome = salvaged(&disk);
    let (from, to) = (batch.first_position(), batch.end_position());
    assert_eq!(outcome.losses.len(), 1);
    let loss = &outcome.losses[0];
    assert_eq!((loss.from, loss.to), (from, Some(to)));
    assert_eq!((&loss.file, loss.offset), (&segment(batch.segment()), batch.offset()));
    assert_eq!(outcome.account.lost_events, to - from);
    assert_eq!(read_all(&outcome.target).unwrap(), seen[..from as usize]);
    assert_eq!(outcome.behind, seen[to as usize..]);
}

#[test]
fn a_lost_header_loses_nothing() {
    let (disk, seen) = journal();
    for number in 1..=3 {
        let damaged = disk.copy();
        flip(&damaged, &segment(number), 20, 1);
        assert_nothing_lost(&salvaged(&damaged), &seen);
        let shared: Arc<dyn Disk> = Arc::new(damaged);
        let mut findings = Vec::new();
        let summary = verify(&shared, &mut |finding| findings.push(finding)).unwrap();
        assert_eq!(summary.events, seen.len() as u64, "verify goes on inside the segment");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!((findings[0].kind, findings[0].offset), ("segment_header", 0));
        let (from, to) = findings[0].positions.expect("it is known what is lost: nothing");
        assert_eq!(from, to);
    }
}

#[test]
fn a_missing_segment_is_lost_with_all_its_positions() {
    let (disk, seen) = journal();
    disk.remove(&segment(2)).unwrap();
    let outcome = salvaged(&disk);
    let lost = |number| {
        let all = data_batches(&journal().0);
        let of = |batch: &&hotledger_journal::Batch| batch.segment() == number;
        let (first, last) = (all.iter().find(of).unwrap(), all.iter().rev().find(of).unwrap());
        (first.first_position(), last.end_position())
    };
    let (from, to) = lost(2);
    assert_eq!(outcome.losses.len(), 1);
    assert_eq!((outcome.losses[0].from, outcome.losses[0].to), (from, Some(to)));
    assert_eq!(outcome.losses[0].file, segment(2));
    assert_eq!(read_all(&outcome.target).unwrap(), seen[..from as usize]);
    assert_eq!(outcome.behind, seen[to as usize..]);
}

#[test]
fn a_missing_last_segment_is_a_loss_without_an_end() {
    let (disk, seen) = journal();
    disk.remove(&segment(3)).unwrap();
    let outcome = salvaged(&disk);
    assert_eq!(outcome.losses.len(), 1);
    assert_eq!(outcome.losses[0].to, None);
    let kept = outcome.losses[0].from as usize;
    assert!(kept < seen.len());
    assert_eq!(read_all(&outcome.target).unwrap(), seen[..kept]);
}

#[test]
fn a_lost_opening_takes_no_entry_with_it() {
    let (disk, seen) = journal();
    // The first opening of segment 1: segment 2 has one of the same epoch, with the same names.
    flip(&disk, &segment(1), BLOCK + 200, 1);
    assert_nothing_lost(&salvaged(&disk), &seen);
}

#[test]
fn entries_whose_names_are_lost_are_told_with_stand_ins() {
    let (disk, seen) = journal();
    let all = batches(&disk).unwrap();
    // The second time it was opened: no later segment repeats that epoch's names.
    let opening = all.iter().rev().find(|b| b.kind() == hotledger_journal::BatchKind::Opening);
    let opening = opening.unwrap();
    flip(&disk, &segment(opening.segment()), opening.offset() + 200, 1);
    let outcome = salvaged(&disk);
    let from = opening.first_position() as usize;
    assert_eq!((outcome.losses[0].from, outcome.losses[0].to), (from as u64, Some(from as u64)));
    assert_eq!(read_all(&outcome.target).unwrap(), seen[..from]);
    assert_eq!(outcome.behind.len(), seen.len() - from);
    for (told, written) in outcome.behind.iter().zip(&seen[from..]) {
        assert_eq!((&*told.kind, &*told.event_type), ("#0", "#1"));
        assert_eq!((told.position, &told.payload), (written.position, &written.payload));
    }
}

#[test]
fn a_torn_tail_is_no_loss() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    for payload in [b"one", b"two"] {
        add(&mut journal, payload).unwrap();
        commit(&mut journal).unwrap();
    }
    drop(journal);
    let seen = read_all(&disk).unwrap();
    let last = data_batches(&disk).pop().unwrap();
    tear(&disk, &last);
    let outcome = salvaged(&disk);
    assert_nothing_lost(&outcome, &seen[..1]);
    assert!(outcome.account.torn_bytes > 0);
}

#[test]
fn only_an_empty_place_is_salvaged_into_and_only_a_journal_from() {
    let (disk, _) = journal();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let taken: Arc<dyn Disk> = Arc::new(disk.copy());
    let tell = &mut |_: Salvaged<'_>| ControlFlow::Continue(());
    let refused = salvage(&shared, || Ok(taken), tell).unwrap_err();
    assert!(matches!(refused, Error::CannotCreate { .. }), "{refused}");
    let nothing: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
    let refused = salvage(&nothing, || panic!("the target is not touched"), tell).unwrap_err();
    assert!(matches!(refused, Error::Missing), "{refused}");
    let writer = open(&disk).unwrap();
    let refused = salvage(&shared, || panic!("the target is not touched"), tell).unwrap_err();
    assert!(matches!(refused, Error::Locked), "{refused}");
    drop(writer);
    assert!(Recovery::begin_read_only(shared).is_ok());
}

#[test]
fn whoever_has_seen_enough_stops_the_walk() {
    let (disk, _) = journal();
    let shared: Arc<dyn Disk> = Arc::new(disk);
    let mut shown = 0;
    let count = &mut |seen: Seen<'_>| {
        assert!(matches!(seen, Seen::Batch(_)));
        shown += 1;
        if shown < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    go_through(&shared, count).unwrap();
    assert_eq!(shown, 5);
}
