//! After a crash at any change to the disk, and at any change of the recovery after it, every
//! acknowledged event is there, in order, and nothing that was never written.

mod support;

use hotledger_journal::{Fill, MemoryDisk, Options};
use support::{
    traced::{Change, PowerCut, TracedDisk, apply, torn},
    *,
};

fn payload(at: u64) -> Vec<u8> {
    format!("event {at} ").into_bytes().repeat(if at.is_multiple_of(3) { 25_000 } else { 500 })
}

/// A run with rolls, a watermark, a reopening and a close; segments are filled or not.
fn workload(fill: Fill) -> Vec<Change> {
    let disk = TracedDisk::new(MemoryDisk::new());
    let mut at = 0;
    for round in 0..2 {
        let (mut journal, ..) = open_with(&disk, Options { fill, ..options() }).unwrap();
        for _ in 0..18 {
            add(&mut journal, &payload(at)).unwrap();
            commit(&mut journal).unwrap();
            at += 1;
            disk.acknowledge(at);
        }
        journal.submit_watermark().unwrap();
        journal.complete(true).unwrap();
        if round == 0 {
            journal.close().unwrap();
        }
    }
    assert!(hotledger_journal::Disk::list(&disk).unwrap().contains(&segment(3)));
    disk.changes()
}

fn check(disk: &MemoryDisk, acknowledged: u64, what: &str) -> TracedDisk {
    let traced = TracedDisk::new(disk.clone());
    let (mut journal, report, seen) = match open(&traced) {
        Ok(opened) => opened,
        Err(error) => panic!("{what}: {error}"),
    };
    let found = seen.len() as u64;
    assert!(found >= acknowledged, "{what}: {found} of {acknowledged} acknowledged events");
    assert!(found <= acknowledged + 1, "{what}: {found} events");
    assert_eq!(report.next_position, found);
    for (at, event) in seen.iter().enumerate() {
        assert_eq!(event.position, at as u64, "{what}");
        assert!(event.payload == payload(at as u64), "{what}: event {at} is another");
    }
    // The journal goes on.
    add(&mut journal, b"after").unwrap();
    commit(&mut journal).unwrap();
    traced
}

#[test]
fn at_every_change_whole_or_torn() {
    [Fill::Always, Fill::Never].into_iter().for_each(whole_or_torn);
}

fn whole_or_torn(fill: Fill) {
    let changes = workload(fill);
    let (disk, mut acknowledged, mut states) = (MemoryDisk::new(), 0, 0);
    for (at, change) in changes.iter().enumerate() {
        if let Change::Acknowledged(events) = change {
            acknowledged = *events;
            continue;
        }
        let cuts = [512, 4096, 8192 - 512].into_iter();
        for (cut, keep_start) in cuts.flat_map(|cut| [(cut, true), (cut, false)]) {
            let Some(part) = torn(change, cut, keep_start) else { continue };
            let crashed = disk.copy();
            apply(&crashed, &part);
            check(&crashed, acknowledged, &format!("change {at} torn at {cut}, {keep_start}"));
            states += 1;
        }
        apply(&disk, change);
        check(&disk.copy(), acknowledged, &format!("after change {at}"));
        states += 1;
    }
    assert!(states > 200, "{states}");
}

#[test]
fn at_every_change_with_everything_unsynced_lost() {
    [Fill::Always, Fill::Never].into_iter().for_each(everything_unsynced_lost);
}

fn everything_unsynced_lost(fill: Fill) {
    let (mut left, mut acknowledged) = (PowerCut::new(), 0);
    for (at, change) in workload(fill).iter().enumerate() {
        if let Change::Acknowledged(events) = change {
            acknowledged = *events;
        }
        left.apply(change);
        check(&left.disk.copy(), acknowledged, &format!("power cut after change {at}"));
    }
    assert_eq!(acknowledged, 36);
}

#[test]
fn at_every_change_of_the_recovery() {
    let changes = workload(Fill::default());
    let (disk, mut acknowledged, mut states) = (MemoryDisk::new(), 0, 0);
    for (at, change) in changes.iter().enumerate() {
        if let Change::Acknowledged(events) = change {
            acknowledged = *events;
            continue;
        }
        let crashed = disk.copy();
        // Torn, so that the recovery has something to drop and to wipe.
        apply(&crashed, &torn(change, 512, false).unwrap_or_else(|| change.clone()));
        apply(&disk, change);
        let recovery = check(&crashed.copy(), acknowledged, "recovery").changes();
        for (step, next) in recovery.iter().enumerate().take(12) {
            if let Some(part) = torn(next, 512, true) {
                let again = crashed.copy();
                apply(&again, &part);
                check_prefix(&again, acknowledged, &format!("change {at}, torn step {step}"));
            }
            apply(&crashed, next);
            check_prefix(&crashed.copy(), acknowledged, &format!("change {at}, step {step}"));
            states += 1;
        }
    }
    assert!(states > 200, "{states}");
}

/// Like `check`, where the run after the first recovery may have added an event.
fn check_prefix(disk: &MemoryDisk, acknowledged: u64, what: &str) {
    let (.., seen) = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let ours = seen.iter().filter(|event| event.payload != b"after").count() as u64;
    assert!((acknowledged..=acknowledged + 1).contains(&ours), "{what}: {ours} events");
    for (at, event) in seen.iter().enumerate() {
        assert_eq!(event.position, at as u64, "{what}");
        assert!(event.payload == b"after" || event.payload == payload(at as u64), "{what}");
    }
}
