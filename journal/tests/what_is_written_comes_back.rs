//! Every shape of entry and event comes back exactly as it was written, across reopenings.

mod support;

use std::{io::Write, sync::Arc};

use hotledger_journal::{
    Chain, Cursor, Durability, ENTRY_BYTES_MAX, EntryHead, Error, EventError, FileDisk, MemoryDisk,
    Options, Recovery, StreamId,
};
use proptest::prelude::*;
use support::*;

#[test]
fn every_shape() {
    let disk = MemoryDisk::new();
    let (mut journal, report, seen) = open(&disk).unwrap();
    assert!(report.created && seen.is_empty());
    assert_eq!((report.segments, report.epoch, report.next_position), (1, 1, 0));
    add_every_shape(&mut journal).unwrap();
    assert_eq!((journal.open_entries(), journal.next_position()), (5, 20));
    commit(&mut journal).unwrap();
    journal.close().unwrap();

    let (journal, report, seen) = open(&disk).unwrap();
    assert_eq!((report.created, report.epoch, report.next_position), (false, 2, 20));
    assert_eq!((report.torn_bytes, journal.next_position()), (0, 20));
    let positions: Vec<_> = seen.iter().map(|event| event.position).collect();
    assert_eq!(positions, (0..20).collect::<Vec<_>>());
    assert_eq!(seen[3].id, "straße 5");
    assert_eq!(seen[2].id, "30313233-3435-3637-3839-616263646566");
    assert_eq!(seen[19].key.unwrap().fingerprint, 33);
    assert_eq!(seen[19].causation, Some([6; 16]));
    assert_eq!(seen[5].time, -5);
    assert!(seen.iter().all(|event| event.payload == event.id.as_bytes()));
    assert!(seen.iter().all(|event| event.kind == "account"));
}

#[test]
fn names_belong_to_their_opening() {
    let disk = crashed(1);
    let names = vec!["other".into(), "account".into()];
    let (mut journal, ..) = open_with(&disk, Options { names, ..options() }).unwrap();
    append(&mut journal, 1);
    drop(journal);
    let seen = read_all(&disk).unwrap();
    assert_eq!((seen[0].kind.as_str(), seen[0].event_type.as_str()), ("account", "deposited"));
    assert_eq!((seen[1].kind.as_str(), seen[1].event_type.as_str()), ("other", "account"));
}

#[test]
fn an_abandoned_entry_or_event_leaves_nothing() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    add(&mut journal, b"first").unwrap();
    journal.begin_entry(&EntryHead::default()).unwrap();
    let head = deposited(StreamId::U64(1), 1);
    journal.event(&head, |room| room.write_all(b"gone")).unwrap();
    journal.abandon_entry();
    assert_eq!(journal.next_position(), 1);

    journal.begin_entry(&EntryHead::default()).unwrap();
    let too_large = journal.event(&head, |room| room.write_all(&vec![7; ENTRY_BYTES_MAX]));
    assert!(matches!(too_large, Err(EventError::TooLarge)));
    let swallowed = journal.event(&head, |room| {
        let _ = room.write_all(&vec![7; ENTRY_BYTES_MAX]);
        Ok::<_, std::io::Error>(())
    });
    assert!(matches!(swallowed, Err(EventError::TooLarge)));
    let refused = journal.event(&head, |room| {
        room.write_all(b"half").map_err(drop)?;
        Err(())
    });
    assert!(matches!(refused, Err(EventError::Encode(()))));
    let long = "x".repeat(256);
    let long = journal.event(&deposited(StreamId::Text(&long), 1), |_| Ok::<_, ()>(()));
    assert!(matches!(long, Err(EventError::IdTooLong)));
    journal.event(&head, |room| room.write_all(b"second")).unwrap();
    journal.finish_entry();
    commit(&mut journal).unwrap();
    drop(journal);
    let payloads: Vec<_> = read_all(&disk).unwrap().into_iter().map(|e| e.payload).collect();
    assert_eq!(payloads, [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn an_entry_may_be_as_long_as_the_limit() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    journal.begin_entry(&EntryHead::default()).unwrap();
    let exact = vec![9; ENTRY_BYTES_MAX - 16 - 28];
    journal.event(&deposited(StreamId::U64(1), 1), |room| room.write_all(&exact)).unwrap();
    let more = journal.event(&deposited(StreamId::U64(1), 1), |_| Ok::<_, ()>(()));
    assert!(matches!(more, Err(EventError::TooLarge)));
    journal.finish_entry();
    commit(&mut journal).unwrap();
    drop(journal);
    assert_eq!(read_all(&disk).unwrap()[0].payload, exact);
}

#[test]
fn real_files_in_every_durability() {
    for durability in [Durability::Synced, Durability::Buffered, Durability::Volatile] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal");
        let begin = |options| {
            let recovery = Recovery::begin(Arc::new(FileDisk::open(&path).unwrap()), options)?;
            let mut reader = recovery.reader_at(None)?;
            let seen = drain(&mut reader)?;
            Ok::<_, Error>((recovery.finish(reader)?.0, seen))
        };
        let options = Options { durability, ..options() };
        let (mut journal, _) = begin(options.clone()).unwrap();
        add_every_shape(&mut journal).unwrap();
        journal.submit().unwrap();
        let written = journal.complete(true).unwrap().unwrap();
        assert_eq!(written.proof.durability(), durability);
        assert!(matches!(begin(options.clone()), Err(Error::Locked)));
        let reads = journal.reads();
        assert_eq!(drain(&mut reads.reader_from(0).unwrap()).unwrap().len(), 20);
        drop(journal);
        let (journal, seen) = begin(options).unwrap();
        assert_eq!(seen.len(), 20);
        journal.close().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            assert_eq!(mode(&path.join(segment(1))), 0o600);
        }
    }
}

#[test]
fn a_cursor_is_the_same_after_encoding() {
    let disk = crashed(3);
    for batch in batches(&disk).unwrap() {
        let cursor = batch.cursor_after();
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        assert_ne!(cursor.chain, Chain::ZERO);
    }
    assert_eq!(Cursor::decode(&[0; hotledger_journal::CURSOR_BYTES]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_batches_of_any_payloads(
        batches in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9000), 1..6),
            1..12,
        ),
        reopen in any::<u16>(),
    ) {
        let disk = MemoryDisk::new();
        let (mut journal, ..) = open(&disk).unwrap();
        for (at, batch) in batches.iter().enumerate() {
            if reopen >> at & 1 == 1 {
                drop(journal);
                journal = open(&disk).unwrap().0;
            }
            for payload in batch {
                add(&mut journal, payload).unwrap();
            }
            commit(&mut journal).unwrap();
        }
        drop(journal);
        let written: Vec<_> = batches.into_iter().flatten().collect();
        let seen: Vec<_> = read_all(&disk).unwrap().into_iter().map(|e| e.payload).collect();
        prop_assert_eq!(seen, written);
    }
}
