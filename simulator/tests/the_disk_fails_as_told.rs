//! Every fault of the model disk has the effect it names, and is counted only where it has.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

use hotledger_journal::{
    Access, AlignedBuffer, Completion, Disk, DiskFile, Durability, LockKind, WriteQueue,
    WriteTicket,
};
use hotledger_simulator::{DamageKind, Fault, FaultKind, Loss, ModelDisk, OperationKind, Scope};

const COMMIT: Access = Access::Commit(Durability::Synced);

/// A disk with a durable file of two pages of ones.
fn disk() -> (ModelDisk, Arc<dyn DiskFile>) {
    let disk = ModelDisk::new(11);
    let file = disk.create("file", COMMIT).unwrap();
    file.write_all_at(0, &[1; 8192]).unwrap();
    disk.sync_directory().unwrap();
    (disk, file)
}

fn contents(disk: &ModelDisk, name: &str, access: Access) -> Vec<u8> {
    let file = disk.open(name, access).unwrap();
    let mut bytes = vec![0xee; file.bytes().unwrap() as usize];
    assert_eq!(file.read_at(0, &mut bytes).unwrap(), bytes.len());
    bytes
}

fn next(disk: &ModelDisk, fault: Fault) {
    disk.plan(disk.operations(), fault);
}

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

/// Makes every operation meet a fault once; which of them answered this error.
fn refused(fault: Fault, expected: i32) -> Vec<OperationKind> {
    use OperationKind::*;
    let every =
        [Lock, List, Create, Open, Size, Read, Write, Reserve, Submit, Sync, Rename, Remove];
    let fails = |kind: &OperationKind| {
        let (disk, file) = disk();
        next(&disk, fault);
        let answer = match kind {
            Lock => errno(disk.lock(LockKind::Exclusive)),
            List => errno(disk.list()),
            Create => errno(disk.create("other", COMMIT)),
            Open => errno(disk.open("file", COMMIT)),
            Size => errno(file.bytes()),
            Read => errno(file.read_at(0, &mut [0; 10])),
            Write => errno(file.write_all_at(0, &[2; 4096])),
            Reserve => errno(file.reserve(8192)),
            Submit => {
                let mut queue = disk.writer(Durability::Synced);
                submit(queue.as_mut(), &file, 0, 2);
                errno(queue.complete(true).unwrap().result)
            }
            Sync => errno(file.sync()),
            Rename => errno(disk.rename("file", "other")),
            Remove => errno(disk.remove("file")),
            _ => errno(disk.sync_directory()),
        };
        let fired: u64 = disk.fired().iter().map(|(_, count)| count).sum();
        assert_eq!(fired, u64::from(answer.is_some()), "{kind:?}: counted where it took effect");
        assert!(answer.is_none_or(|answer| answer == expected), "{kind:?}: {answer:?}");
        answer.is_some()
    };
    every.into_iter().chain([SyncDirectory]).filter(fails).collect()
}

fn submit(queue: &mut dyn WriteQueue, file: &Arc<dyn DiskFile>, page: u64, value: u8) {
    let mut buffer = AlignedBuffer::new(4096);
    buffer.all_mut().fill(value);
    buffer.set_filled(4096);
    queue.submit(file, page * 4096, Arc::new(buffer), WriteTicket(u64::from(value)));
}

#[test]
fn errors_meet_the_operations_they_fit() {
    use OperationKind::*;
    assert_eq!(refused(Fault::Eio, 5).len(), 13, "an I/O error meets every operation");
    assert_eq!(refused(Fault::NoSpace, 28), [Lock, Create, Write, Reserve, Submit, Sync]);
    assert_eq!(refused(Fault::NoDescriptor, 24), [Lock, List, Create, Open]);
    assert_eq!(refused(Fault::NoDescriptorForEver, 24), [Lock, List, Create, Open]);
}

#[test]
fn an_error_passes_or_lasts() {
    let (disk, file) = disk();
    next(&disk, Fault::Eio);
    assert_eq!((errno(file.bytes()), errno(file.bytes())), (Some(5), None));
    next(&disk, Fault::EioForEver(Scope::SameKind));
    assert_eq!((errno(file.sync()), errno(file.sync())), (Some(5), Some(5)));
    assert_eq!(errno(file.bytes()), None);
    disk.heal();
    file.sync().unwrap();
    next(&disk, Fault::EioForEver(Scope::Everything));
    assert_eq!((errno(file.bytes()), errno(disk.list())), (Some(5), Some(5)));
    disk.heal();
    disk.list().unwrap();
    next(&disk, Fault::NoDescriptorForEver);
    assert_eq!((errno(disk.list()), errno(disk.open("file", COMMIT))), (Some(24), Some(24)));
    assert_eq!(errno(file.bytes()), None, "what is open stays open");
    disk.heal();
    disk.list().unwrap();
    assert_eq!(disk.fired().of(FaultKind::NoDescriptor), 2);
    assert_eq!(disk.fired().of(FaultKind::Eio), 3);
    assert_eq!(disk.fired().of(FaultKind::FailedSync), 2);
}

#[test]
fn a_failed_write_may_have_happened_in_part_and_durable_it_is_not() {
    let parts = (0..200).map(|seed| {
        let (disk, file) = disk();
        disk.reseed(seed);
        next(&disk, Fault::Eio);
        assert_eq!(errno(file.write_all_at(0, &[2; 8192])), Some(5));
        let seen = contents(&disk, "file", Access::ReadDirect);
        let lost = contents(&disk.crash_with(Loss::Everything), "file", Access::Read);
        assert_eq!(lost, [1; 8192]);
        seen.chunks(512).filter(|sector| sector[0] == 2).count()
    });
    let parts: Vec<_> = parts.collect();
    assert!(parts.contains(&0) && parts.contains(&16) && parts.contains(&5), "{parts:?}");
}

#[test]
fn without_direct_access_a_failed_write_shows_bytes_that_the_disk_does_not_have() {
    let mut arrived = 0;
    for seed in 0..50 {
        let (disk, file) = disk();
        let disk = disk.without_direct();
        disk.reseed(seed);
        next(&disk, Fault::Eio);
        assert_eq!(errno(file.write_all_at(0, &[2; 8192])), Some(5));
        assert_eq!(contents(&disk, "file", Access::ReadDirect), [2; 8192]);
        file.sync().expect("it knows nothing of it");
        let left = contents(&disk.fork().crash(), "file", Access::ReadDirect);
        arrived += left.iter().filter(|byte| **byte == 2).count();
        disk.evict();
        assert_eq!(contents(&disk, "file", Access::Read), left);
        file.write_all_at(0, &[3; 8192]).unwrap();
        let left = contents(&disk.crash_with(Loss::Everything), "file", Access::Read);
        assert_eq!(left, [3; 8192], "a write that ends well is durable");
    }
    assert!((1..50 * 8192).contains(&arrived));
}

#[test]
fn a_failed_sync_shows_bytes_that_the_disk_does_not_have() {
    let mut arrived = 0;
    for seed in 0..50 {
        let (disk, _) = disk();
        disk.reseed(seed);
        let file = disk.open("file", Access::Write).unwrap();
        file.write_all_at(0, &[2; 8192]).unwrap();
        next(&disk, Fault::Eio);
        assert_eq!(errno(file.sync()), Some(5));
        file.sync().expect("the next sync knows nothing of it");
        assert_eq!(contents(&disk, "file", Access::Read), [2; 8192]);
        let device = contents(&disk, "file", Access::ReadDirect);
        assert_eq!(contents(&disk.fork().crash(), "file", Access::Read), device);
        arrived += device.iter().filter(|byte| **byte == 2).count();
        disk.evict();
        assert_eq!(contents(&disk, "file", Access::Read), device);
        file.write_all_at(0, &[2; 8192]).unwrap();
        file.sync().unwrap();
        assert_eq!(contents(&disk, "file", Access::ReadDirect), [2; 8192], "written again");
    }
    assert!((1..50 * 8192).contains(&arrived));
}

#[test]
fn a_failed_sync_of_the_directory_is_made_good_by_the_next() {
    let (disk, _) = disk();
    disk.create("new", COMMIT).unwrap();
    next(&disk, Fault::Eio);
    assert_eq!(errno(disk.sync_directory()), Some(5));
    let left = |seed| {
        let (disk, _) = self::disk();
        disk.create("new", COMMIT).unwrap();
        disk.reseed(seed);
        next(&disk, Fault::Eio);
        disk.sync_directory().unwrap_err();
        disk.crash_with(Loss::Everything).list().unwrap().len()
    };
    let left: Vec<_> = (0..20).map(left).collect();
    assert!(left.contains(&1) && left.contains(&2));
    disk.sync_directory().unwrap();
    assert_eq!(disk.crash_with(Loss::Everything).list().unwrap().len(), 2);
}

#[test]
fn a_change_of_a_name_that_fails_may_have_happened() {
    let outcomes = (0..20).map(|seed| {
        let (disk, _) = disk();
        disk.reseed(seed);
        next(&disk, Fault::Eio);
        disk.remove("file").unwrap_err();
        disk.list().unwrap().len()
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert!(outcomes.contains(&0) && outcomes.contains(&1));
}

#[test]
fn a_short_write_ends_with_an_error_after_a_part_from_its_start() {
    let lengths = (0..100).map(|seed| {
        let (disk, file) = disk();
        disk.reseed(seed);
        next(&disk, Fault::ShortWrite);
        let answer = file.write_all_at(4096, &[2; 8192]).unwrap_err();
        assert_eq!(answer.kind(), ErrorKind::WriteZero);
        assert_eq!(disk.fired().of(FaultKind::ShortWrite), 1);
        let seen = contents(&disk, "file", Access::Read);
        let done = seen[4096..].iter().take_while(|byte| **byte == 2).count();
        assert!(seen[4096 + done..].iter().all(|byte| *byte == 1) && done < 8192);
        done
    });
    let lengths: std::collections::BTreeSet<_> = lengths.collect();
    assert!(lengths.len() > 10, "{lengths:?}");
}

#[test]
fn a_full_disk_takes_what_needs_no_room_and_goes_on_when_there_is_some() {
    let (disk, file) = disk();
    next(&disk, Fault::Full);
    assert_eq!(errno(disk.create("other", COMMIT)), Some(28));
    file.write_all_at(4096, &[2; 4096]).expect("its place is taken already");
    assert_eq!(errno(file.write_all_at(4096, &[3; 8192])), Some(28));
    assert_eq!(file.bytes().unwrap(), 8192);
    disk.set_capacity(Some(8192 + 1000));
    assert_eq!(errno(file.write_all_at(8192, &[4; 4096])), Some(28));
    assert_eq!(file.bytes().unwrap(), 9192, "as much as there was room for");
    assert_eq!(disk.fired().of(FaultKind::NoSpace), 3);
    disk.set_capacity(None);
    disk.create("other", COMMIT).unwrap();
    file.write_all_at(8192, &[4; 4096]).unwrap();
    assert_eq!(disk.used(), 8192 + 4096);
}

/// Looks until a write is done, of which a look now and then says nothing.
fn look(queue: &mut dyn WriteQueue) -> Completion {
    (0..64).find_map(|_| queue.complete(false)).expect("it is done sooner or later")
}

#[test]
fn a_stalled_write_is_completed_late_and_whoever_waits_gets_it() {
    let (disk, file) = disk();
    let mut queue = disk.writer(Durability::Synced);
    next(&disk, Fault::Stall(3));
    submit(queue.as_mut(), &file, 0, 2);
    assert!((0..3).all(|_| queue.complete(false).is_none()));
    assert_eq!(look(queue.as_mut()).ticket, WriteTicket(2));
    assert!(queue.complete(true).is_none(), "nothing is in flight");
    next(&disk, Fault::Stall(u32::MAX));
    submit(queue.as_mut(), &file, 0, 3);
    assert!(queue.complete(false).is_none());
    queue.complete(true).unwrap().result.unwrap();
    assert_eq!(disk.fired().of(FaultKind::Stall), 4);
}

#[test]
fn writes_in_flight_end_in_any_order_and_are_durable_when_ended() {
    let mut orders = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let (disk, file) = disk();
        let disk = disk.with_writes_in_flight(2);
        disk.reseed(seed);
        let mut queue = disk.writer(Durability::Synced);
        assert_eq!(queue.in_flight_max(), 2);
        submit(queue.as_mut(), &file, 0, 2);
        submit(queue.as_mut(), &file, 1, 3);
        let first = look(queue.as_mut());
        first.result.unwrap();
        let seen = contents(&disk.fork().crash_with(Loss::Everything), "file", Access::Read);
        assert_eq!([seen[0] == 2, seen[4096] == 3], [first.ticket.0 == 2, first.ticket.0 == 3]);
        let reordered = disk.fired().of(FaultKind::Reordered);
        assert_eq!(reordered, u64::from(first.ticket.0 == 3));
        orders.insert(first.ticket);
    }
    assert_eq!(orders.len(), 2);
}

#[test]
fn a_queue_on_a_gone_disk_answers_and_what_was_in_flight_is_left_to_chance() {
    let (disk, file) = disk();
    let mut queue = disk.writer(Durability::Synced);
    submit(queue.as_mut(), &file, 0, 2);
    let after = disk.crash_with(Loss::Nothing);
    assert!(queue.complete(true).unwrap().result.is_err());
    assert!(queue.complete(true).is_none());
    drop(queue);
    assert_eq!(contents(&after, "file", Access::Read)[..4096], [2; 4096]);
}

#[test]
fn a_lost_write_is_answered_and_is_not_there() {
    let (disk, file) = disk();
    next(&disk, Fault::LoseWrite);
    file.write_all_at(4096, &[2; 4096]).unwrap();
    assert_eq!(contents(&disk, "file", Access::Read), [1; 8192]);
    let [damage] = &disk.damage()[..] else { panic!("one damage") };
    assert_eq!((damage.kind, damage.file.as_str()), (DamageKind::Lost, "file"));
    assert_eq!((damage.offset, damage.bytes), (4096, 4096));

    let cached = disk.open("file", Access::Write).unwrap();
    next(&disk, Fault::LoseWrite);
    cached.write_all_at(0, &[3; 10]).unwrap();
    cached.sync().unwrap();
    assert_eq!(contents(&disk, "file", Access::Read)[..10], [3; 10]);
    assert_eq!(contents(&disk, "file", Access::ReadDirect)[..10], [1; 10]);
    next(&disk, Fault::LoseWrite);
    file.write_all_at(4096, &[1; 4096]).unwrap();
    assert_eq!(disk.fired().of(FaultKind::LostWrite), 2, "bytes that were there are not lost");
}

#[test]
fn a_misdirected_write_is_somewhere_else() {
    let (mut same, mut other) = (0, 0);
    for seed in 0..60 {
        let (disk, file) = disk();
        let second = disk.create("second", COMMIT).unwrap();
        second.write_all_at(0, &[7; 8192]).unwrap();
        disk.reseed(seed);
        next(&disk, Fault::MisdirectWrite);
        file.write_all_at(0, &[2; 4096]).unwrap();
        if disk.fired().of(FaultKind::MisdirectedWrite) == 0 {
            assert_eq!(contents(&disk, "file", Access::Read)[..4096], [2; 4096]);
            continue;
        }
        assert_eq!(contents(&disk, "file", Access::Read)[..4096], [1; 4096]);
        let [lost, hit] = &disk.damage()[..] else { panic!("two places are damaged") };
        assert_eq!((lost.kind, lost.offset, lost.bytes), (DamageKind::Lost, 0, 4096));
        assert_eq!((hit.kind, hit.bytes), (DamageKind::Overwritten, 4096));
        let at = hit.offset as usize;
        assert_eq!(contents(&disk, &hit.file, Access::Read)[at..at + 4096], [2; 4096]);
        *(if hit.file == "file" { &mut same } else { &mut other }) += 1;
    }
    assert!(same > 5 && other > 5, "{same} {other}");
}

#[test]
fn rot_is_on_the_media() {
    let (disk, _) = disk();
    let damage = disk.rot("file", 5000, 0b11).unwrap();
    assert_eq!((damage.kind, damage.offset, damage.bytes), (DamageKind::Rot, 5000, 1));
    for access in [Access::Read, Access::ReadDirect] {
        let mut seen = contents(&disk, "file", access);
        assert_eq!(std::mem::replace(&mut seen[5000], 1), 0b10);
        assert_eq!(seen, [1; 8192]);
    }
    assert_eq!(contents(&disk.fork().crash(), "file", Access::Read)[5000], 0b10);
    assert_eq!(disk.rot("nowhere", 0, 1).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.rot("file", 8192, 1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(disk.rot("file", 0, 0).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(disk.fired().of(FaultKind::Rot), 1);

    let cached = disk.open("file", Access::Write).unwrap();
    cached.write_all_at(0, &[9; 512]).unwrap();
    disk.rot("file", 0, 0xff).unwrap();
    assert_eq!(contents(&disk, "file", Access::Read)[0], 9, "a dirty page hides it");
    assert_eq!(contents(&disk, "file", Access::ReadDirect)[0], 0xfe);
}

#[test]
fn a_chooser_sees_every_operation_before_it_happens() {
    let (disk, file) = disk();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (told, looked) = (seen.clone(), disk.clone());
    disk.set_chooser(Box::new(move |operation| {
        let now = contents(&looked.fork().crash_with(Loss::Nothing), "file", Access::Read)[0];
        told.lock().unwrap().push((operation.number, operation.kind, now));
        (operation.kind == OperationKind::Sync).then_some(Fault::Eio)
    }));
    let first = disk.operations();
    file.write_all_at(0, &[2; 4096]).unwrap();
    file.sync().unwrap_err();
    file.bytes().unwrap();
    let seen = seen.lock().unwrap().clone();
    use OperationKind::{Size, Sync, Write};
    assert_eq!(seen, [(first, Write, 2), (first + 1, Sync, 2), (first + 2, Size, 2)]);
}

#[test]
fn what_is_open_for_reading_is_not_written() {
    let (disk, _) = disk();
    for access in [Access::Read, Access::ReadDirect] {
        let answer = disk.open("file", access).unwrap().write_all_at(0, &[2]);
        assert_eq!(errno(answer), Some(9));
    }
    assert_eq!(contents(&disk, "file", Access::Read), [1; 8192]);
    assert_eq!(disk.create("file", COMMIT).err().unwrap().kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.open("none", COMMIT).err().unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(disk.rename("none", "file").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_same_seed_and_calls_leave_the_same_trace() {
    let run = |seed, value| {
        let disk = ModelDisk::new(seed);
        disk.plan(1, Fault::ShortWrite);
        let file = disk.create("file", Access::Write).unwrap();
        file.write_all_at(0, &[value; 9000]).unwrap_err();
        let after = disk.crash();
        after.list().unwrap();
        (after.operations(), after.trace(), after.random())
    };
    assert_eq!(run(1, 1), run(1, 1));
    assert_ne!(run(1, 1).1, run(1, 2).1, "the bytes written are part of it");
    assert_ne!(run(1, 1).2, run(2, 1).2);
}
