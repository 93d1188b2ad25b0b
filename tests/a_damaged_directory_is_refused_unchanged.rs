//! An engine refuses a directory that is not as it was left, names the file, and changes no byte.

#[path = "support/bits/mod.rs"]
mod bits;
#[path = "support/fixture.rs"]
mod fixture;

use std::sync::Arc;

use bits::canon::{another, builder, canon};
use bits::forge;
use bits::image::{Image, Patch, StillDisk};
use bits::judge::{BLOCK, Due, Judge, Spot, Verdict, segment, verified};
use bits::pages::registered;
use bits::plan::{Plan, mix};
use hotledger::{Delivery, Durability, Engine, MemoryDisk, OpenError, Position, ReadError};
use hotledger_journal::{Batch, BatchKind, Cursor, Error};

/// Opens an engine that must refuse, and finds every byte where it was.
#[track_caller]
fn refused(image: &Image, what: &str) -> OpenError {
    let disk = image.disk();
    let refusal = builder(Arc::new(disk.clone())).must_exist().open().map(drop);
    assert!(Image::of(&disk) == *image, "{what}: a byte was changed");
    refusal.expect_err(what)
}

/// Refused as damage of this file.
#[track_caller]
fn refused_at(image: &Image, file: &str, what: &str) {
    match refused(image, what) {
        OpenError::Journal(Error::Corrupt { file: named, .. }) if named == file => {}
        other => panic!("{what}: {other} does not name {file}"),
    }
    let disk = StillDisk::new(image.clone());
    let (findings, _) = verified(&disk, Vec::new());
    assert!(!findings.is_empty(), "{what}: verify finds nothing");
    disk.assert_untouched();
}

/// Opens as if nothing had happened.
#[track_caller]
fn opened(image: &Image, what: &str) -> Engine {
    opened_on(&image.disk(), what)
}

#[track_caller]
fn opened_on(disk: &MemoryDisk, what: &str) -> Engine {
    let engine = builder(Arc::new(disk.clone())).must_exist().open();
    let engine = engine.unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
    assert_eq!(engine.digest().unwrap(), (canon().position, canon().digest), "{what}");
    engine
}

/// All events by number and payload, or why they could not be read.
fn history(engine: &Engine) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
    let mut events = Vec::new();
    for delivery in engine.subscribe_all(Position::ORIGIN) {
        match delivery? {
            Delivery::Event(event) => events.push((event.position.events(), event.payload)),
            Delivery::CaughtUp(_) => break,
        }
    }
    Ok(events)
}

fn stored_history(judge: &Judge) -> Vec<(u64, Vec<u8>)> {
    let entries = judge.batches.iter().flat_map(Batch::entries).map(Result::unwrap);
    let events = entries.flat_map(|entry| entry.events()).map(Result::unwrap);
    events.map(|event| (event.position + 1, event.payload.to_vec())).collect()
}

/// The cursor in a snapshot file.
fn cursor(image: &Image, snapshot: &str) -> Cursor {
    let bytes = &image.bytes(snapshot)[28..108];
    Cursor::decode(bytes.try_into().unwrap()).unwrap()
}

#[test]
fn a_flip_is_refused_or_the_engine_is_what_it_was() {
    let (plan, canon) = (Plan::within(5.0), canon());
    let judge = Judge::of(canon.image.clone());
    let behind = cursor(&canon.image, &canon.snapshots[1]);
    let whole = stored_history(&judge);
    assert!(history(&opened(&canon.image, "unchanged")).unwrap() == whole);
    // Two bits of each header and of each batch, and some where nothing was written.
    let mut places: Vec<_> = (1..=3).flat_map(|n| [(segment(n), 30), (segment(n), 4000)]).collect();
    for batch in &judge.batches {
        let (start, length) = (batch.offset() as usize, batch.stored_bytes() as usize);
        let inside = mix(start as u64) as usize % length;
        places.extend([start + 60, start + inside].map(|at| (segment(batch.segment()), at)));
    }
    places.extend((1..=4).map(|number| (segment(number), (1 << 20) - 9)));
    let (mut refusals, mut opens) = (0, 0);
    for at in plan.walk(places.len()) {
        let (file, offset) = &places[at];
        let told = format!("{file} byte {offset}");
        let damaged = canon.image.with(&[canon.image.flip(file, offset * 8 + at % 8)]);
        let due = judge.due(file, *offset);
        // Of what lies before the snapshot only the batch at its end and that batch's opening
        // are read: the rest is found by whoever reads it.
        let is_read = match judge.spot(file, *offset) {
            Spot::Batch(at) => {
                let batch = &judge.batches[at];
                let ends = batch.segment() == behind.segment
                    && [behind.last, behind.opening].contains(&batch.offset());
                ends || batch.sequence() >= behind.sequence || is_footer(batch)
            }
            _ => true,
        };
        if matches!(due, Due::Refused { .. }) && is_read {
            refused_at(&damaged, file, &told);
            refusals += 1;
            continue;
        }
        // Once more as well: what opening it wrote is sound, and still says what was answered.
        let disk = damaged.disk();
        for _ in 0..2 {
            let engine = opened_on(&disk, &told);
            match history(&engine) {
                Ok(events) => assert!(due == Due::Whole && events == whole, "{told}"),
                Err(ReadError::Journal(Error::Corrupt { file: named, .. })) => {
                    assert!(!is_read && named == *file, "{told}");
                }
                Err(other) => panic!("{told}: {other}"),
            }
            engine.close().unwrap();
        }
        opens += 1;
    }
    assert!(refusals + opens >= 8, "{refusals} refused, {opens} opened");
    plan.say(&format!("engines opened on a flip: {refusals} refused, {opens} as before"));
}

fn is_footer(batch: &Batch) -> bool {
    batch.kind() == BatchKind::Footer
}

#[test]
fn real_files_are_left_alone_too() {
    let (canon, home) = (canon(), tempfile::tempdir().unwrap());
    let write = |name: &str, bytes: &[u8]| std::fs::write(home.path().join(name), bytes).unwrap();
    write("lock", &[]);
    canon.image.files.iter().for_each(|(name, bytes)| write(name, bytes));
    let open = || registered(Engine::builder(home.path())).must_exist().open();
    let judge = Judge::of(canon.image.clone());
    let footers = judge.batches.iter().filter(|batch| is_footer(batch));
    let places = (1..=3).map(|number| (segment(number), 100));
    let places = places.chain(footers.map(|batch| (segment(batch.segment()), batch.offset() + 9)));
    for (file, offset) in places {
        let sound = canon.image.bytes(&file);
        let mut damaged = sound.to_vec();
        damaged[offset as usize] ^= 4;
        write(&file, &damaged);
        let before = fixture::contents(home.path());
        let refusal = open().map(drop).unwrap_err();
        fixture::assert_unchanged(home.path(), &before);
        let OpenError::Journal(Error::Corrupt { file: named, .. }) = refusal else {
            panic!("{file} byte {offset}: {refusal}");
        };
        assert_eq!(named, file);
        write(&file, sound);
    }
    let digest = open().unwrap().digest().unwrap();
    assert_eq!(digest, (canon.position, canon.digest));
}

#[test]
fn damage_where_a_snapshot_ends_is_damage_and_not_a_lost_journal() {
    let canon = canon();
    for snapshot in &canon.snapshots {
        let alone = canon.snapshots.iter().filter(|name| *name != snapshot);
        let image = alone.fold(canon.image.clone(), |image, name| image.replaced(name, None));
        let behind = cursor(&image, snapshot);
        for offset in [behind.last, behind.opening] {
            let file = segment(behind.segment);
            let flip = image.flip(&file, (offset as usize + 100) * 8);
            let damaged = image.with(&[flip]);
            refused_at(&damaged, &file, "the batch a snapshot rests on");
            // Where answers were not synced the journal is read from further back: no other end.
            let disk = Arc::new(damaged.disk());
            let refusal = builder(disk).durability(Durability::Buffered).open().map(drop);
            let refusal = refusal.unwrap_err();
            assert!(matches!(refusal, OpenError::Journal(Error::Corrupt { .. })), "{refusal}");
        }
    }
}

/// The journal alone: with a snapshot beside it, its loss would be found by that.
fn without_snapshots() -> Image {
    let canon = canon();
    canon.snapshots.iter().fold(canon.image.clone(), |image, name| image.replaced(name, None))
}

#[test]
fn segments_missing_swapped_renamed_or_doubled() {
    let image = without_snapshots();
    let bytes = |number| Some(image.bytes(&segment(number)).to_vec());
    for number in 1..=3 {
        let missing = image.replaced(&segment(number), None);
        refused_at(&missing, &segment(number), &format!("segment {number} is missing"));
        let renamed = missing.replaced(&segment(9), bytes(number));
        refused_at(&renamed, &segment(number), &format!("segment {number} is called 9"));
        for other in (1..=4).filter(|other| *other != number) {
            let told = format!("segment {number} is a copy of {other}");
            let doubled = image.replaced(&segment(number), bytes(other));
            if other == 4 && number == 3 {
                // Then two files are like spares, and only one can be.
                refused_at(&doubled, &segment(3), &told);
                continue;
            }
            refused_at(&doubled, &segment(number), &told);
            if other > number {
                let swapped = doubled.replaced(&segment(other), bytes(number));
                refused_at(&swapped, &segment(number), &format!("{number} and {other} swapped"));
            }
        }
        let extra = image.replaced(&segment(4), bytes(number));
        refused_at(&extra, &segment(4), &format!("segment 4 is a copy of {number}"));
        let alone = image.replaced(&segment(4), None);
        let last = alone.replaced(&segment(3), bytes(number));
        if number != 3 {
            refused_at(&last, &segment(3), &format!("the last segment is a copy of {number}"));
        }
    }
    opened(&image.replaced(&segment(4), None), "a spare that is not there");
    let second = image.replaced(&segment(5), bytes(4));
    refused_at(&second, &segment(4), "two spares");
}

#[test]
fn segments_of_another_journal() {
    let image = without_snapshots();
    // The same numbers, lengths and entries; another identity, other salts.
    let other = another();
    for number in 1..=3 {
        let foreign =
            image.replaced(&segment(number), Some(other.bytes(&segment(number)).to_vec()));
        // Of two that differ, the second is named, and the first in what is said of it.
        let what = format!("segment {number} is foreign");
        let OpenError::Journal(Error::Corrupt { file, what: said, .. }) = refused(&foreign, &what)
        else {
            panic!("{what}: not said to be damage");
        };
        assert_eq!(file, segment(number.max(2)), "{what}: {said}");
        let first = segment(number.max(2) - 1);
        assert!(said.contains("another journal") && said.contains(&first), "{said}");
        let last = image.replaced(&segment(4), Some(other.bytes(&segment(number)).to_vec()));
        refused_at(&last, &segment(4), &format!("segment 4 is a foreign {number}"));
    }
}

#[test]
fn a_batch_in_the_spare_is_no_spare() {
    let image = &canon().image;
    let judge = Judge::of(image.clone());
    let batch = judge.batches.last().unwrap();
    let misdirected =
        Patch { file: segment(4), offset: 40 * BLOCK, bytes: batch.stored().to_vec() };
    refused_at(&image.with(&[misdirected]), &segment(4), "a write went to the wrong file");
}

#[test]
fn an_emptied_directory_is_refused_where_it_must_exist() {
    let nothing = Image::default();
    let refusal = refused(&nothing, "nothing is left");
    assert!(matches!(refusal, OpenError::Journal(Error::Missing)), "{refusal}");
    let canon = canon();
    let snapshots = canon
        .snapshots
        .iter()
        .fold(nothing, |image, name| image.replaced(name, Some(canon.image.bytes(name).to_vec())));
    let refusal = refused(&snapshots, "only snapshots are left");
    assert!(matches!(refusal, OpenError::Journal(Error::Missing)), "{refusal}");
    // Not even where a journal may be begun: this would not be a beginning.
    let disk = snapshots.disk();
    let refusal = builder(Arc::new(disk.clone())).open().map(drop).unwrap_err();
    assert!(matches!(refusal, OpenError::SnapshotAhead { .. }), "{refusal}");
    assert!(Image::of(&disk) == snapshots, "a byte was changed");
}

#[test]
fn a_newer_format_is_refused_by_name_wherever_it_is() {
    let image = &canon().image;
    let judge = Judge::of(image.clone());
    // Version, kind and flags of every batch; the version and the flags of every header.
    let batches = judge.batches.iter().flat_map(|batch| {
        [(8, 2), (12, 77), (14, 1), (144, 1)].map(|(at, byte)| {
            let file = segment(batch.segment());
            (file, batch.offset() as usize, forge::batch_header(batch.stored(), at, byte))
        })
    });
    let headers = (1..=3).flat_map(|number| {
        let block = &image.bytes(&segment(number))[..BLOCK];
        [(8, 2), (12, 1)]
            .map(|(at, byte)| (segment(number), 0, forge::segment_header(block, at, byte)))
    });
    for (file, offset, bytes) in batches.chain(headers) {
        let patch = Patch { file: file.clone(), offset, bytes };
        let Verdict::Refused(refusal) = judge.wholly(vec![patch.clone()]) else {
            panic!("{file} byte {offset}: taken for sound");
        };
        assert!(refusal.unknown_format, "{refusal:?}");
        assert_eq!((&refusal.file, refusal.offset), (&file, offset as u64));
        let (findings, _) = judge.verified(vec![patch]);
        assert_eq!((&findings[0].file, findings[0].kind), (&file, "unknown_format"));
    }
    judge.disk.assert_untouched();
    let last = judge.batches.last().unwrap();
    let newer = forge::batch_header(last.stored(), 8, 2);
    let patch = Patch { file: segment(3), offset: last.offset() as usize, bytes: newer };
    let refusal = refused(&image.with(&[patch]), "a newer closing batch");
    assert!(matches!(refusal, OpenError::Journal(Error::UnknownFormat { .. })), "{refusal}");
}

#[test]
fn snapshots_older_newer_foreign_or_misnamed_are_no_authority() {
    let canon = canon();
    let [older, newer] = &canon.snapshots;
    let snapshot = |engine: Engine| {
        let report = engine.recovery();
        (
            report.snapshot.map(|at| format!("snapshot-{:020}.hl", at.events())),
            report.rejected.len(),
        )
    };
    let only_older = canon.image.replaced(newer, None);
    assert_eq!(snapshot(opened(&only_older, "the newer is gone")), (Some(older.clone()), 0));
    let none = only_older.replaced(older, None);
    assert_eq!(snapshot(opened(&none, "both are gone")), (None, 0));

    let bytes = canon.image.bytes(newer);
    for (what, forged) in [
        ("of a newer format", forge::snapshot(bytes, 8, 2)),
        ("of another journal", forge::snapshot(bytes, 12, !bytes[12])),
        ("of another state", forge::snapshot(bytes, 130, !bytes[130])),
        ("the older one's bytes", canon.image.bytes(older).to_vec()),
        ("empty", Vec::new()),
        ("a segment", canon.image.bytes(&segment(2)).to_vec()),
    ] {
        let image = canon.image.replaced(newer, Some(forged));
        assert_eq!(snapshot(opened(&image, what)), (Some(older.clone()), 1), "{what}");
    }
}

#[test]
fn a_snapshot_longer_than_any_memory_is_passed_over() {
    let (canon, home) = (canon(), tempfile::tempdir().unwrap());
    for (name, bytes) in &canon.image.files {
        std::fs::write(home.path().join(name), bytes.as_slice()).unwrap();
    }
    // All of it a hole: it takes no room on the disk.
    let endless = home.path().join(format!("snapshot-{:020}.hl", canon.position.events() + 1));
    std::fs::File::create(endless).unwrap().set_len(8 << 40).unwrap();
    let engine = registered(Engine::builder(home.path())).must_exist().open().unwrap();
    assert_eq!(engine.recovery().rejected.len(), 1, "{:?}", engine.recovery());
    assert!(engine.recovery().snapshot.is_some());
    assert_eq!(engine.digest().unwrap(), (canon.position, canon.digest));
}

#[test]
fn an_older_journal_beside_newer_snapshots_is_refused() {
    let canon = canon();
    let judge = Judge::of(canon.image.clone());
    // As a backup of an hour ago would be: the third segment not begun, or its tail not written.
    let third = segment(3);
    let first = judge.batches.iter().find(|batch| batch.segment() == 3).unwrap();
    let behind_first = (first.offset() + first.stored_bytes()) as usize;
    for from in [0, behind_first] {
        let mut bytes = canon.image.bytes(&third).to_vec();
        bytes[from..].fill(0);
        let mut image = canon.image.replaced(&third, Some(bytes));
        if from == 0 {
            image = image.replaced(&segment(4), None);
        }
        let refusal = refused(&image, "an older journal");
        let OpenError::SnapshotAhead { position, .. } = &refusal else { panic!("{refusal}") };
        assert!(canon.snapshots[1].contains(&position.events().to_string()), "{refusal}");
    }
}
