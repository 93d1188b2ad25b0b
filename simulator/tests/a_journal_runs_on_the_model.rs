//! A journal on the model disk keeps what it answered when the power is cut.

use std::{io::Write, sync::Arc};

use hotledger_journal::{EntryHead, EventHead, Journal, NameId, Options, Recovery, StreamId};
use hotledger_simulator::{Loss, ModelDisk};

fn open(disk: &ModelDisk) -> (Journal, u64) {
    let options = Options {
        names: vec!["kind".into(), "event".into()],
        segment_bytes_first: 1 << 20,
        segment_bytes_max: 1 << 20,
        ..Options::default()
    };
    let recovery = Recovery::begin(Arc::new(disk.clone()), options).unwrap();
    let mut reader = recovery.reader_at(None).unwrap();
    while reader.next().unwrap().is_some() {}
    let (journal, report) = recovery.finish(reader).unwrap();
    (journal, report.next_position)
}

fn append(journal: &mut Journal, count: u64) {
    for version in 1..=count {
        journal.begin_entry(&EntryHead::default()).unwrap();
        let (kind, event_type, id) = (NameId(0), NameId(1), StreamId::U64(1));
        let head = EventHead { kind, event_type, schema: 1, id, version };
        journal.event(&head, |payload| payload.write_all(&[7; 100_000])).unwrap();
        journal.finish_entry();
        journal.submit().unwrap();
        while journal.complete(true).unwrap().is_none() {}
    }
}

#[test]
fn across_segments_and_every_kind_of_loss() {
    for loss in [Loss::Everything, Loss::Nothing, Loss::Seeded] {
        let disk = ModelDisk::new(3);
        let (mut journal, _) = open(&disk);
        append(&mut journal, 25);
        let after = disk.crash_with(loss);
        assert!(journal.submit_watermark().is_err() || journal.complete(true).is_err());
        let (journal, position) = open(&after);
        assert_eq!(position, 25, "{loss:?}");
        assert_eq!(journal.segment_count(), 4);
    }
}

#[test]
fn the_same_calls_leave_the_same_trace() {
    let run = |seed| {
        let disk = ModelDisk::new(seed).with_writes_in_flight(2);
        let (mut journal, _) = open(&disk);
        append(&mut journal, 12);
        (disk.operations(), disk.trace())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).1, run(2).1, "the journal's salts come from the seed");
}
