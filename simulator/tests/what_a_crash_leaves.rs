//! A crash of the model disk leaves what was synced, and of the rest what a real disk may leave.

use std::{collections::BTreeSet, sync::Arc};

use hotledger_journal::{Access, Disk, DiskFile, Durability, LockKind};
use hotledger_simulator::{Fault, FaultKind, Loss, ModelDisk};

const COMMIT: Access = Access::Commit(Durability::Synced);
const SECTOR: usize = 512;

/// A disk with one durable file of ones.
fn disk_with(bytes: usize) -> (ModelDisk, Arc<dyn DiskFile>) {
    let disk = ModelDisk::new(11);
    let file = disk.create("file", Access::Write).unwrap();
    file.write_all_at(0, &vec![1; bytes]).unwrap();
    file.sync().unwrap();
    disk.sync_directory().unwrap();
    (disk, file)
}

fn contents(disk: &ModelDisk, name: &str, access: Access) -> Vec<u8> {
    let file = disk.open(name, access).unwrap();
    let mut bytes = vec![0xee; file.bytes().unwrap() as usize];
    assert_eq!(file.read_at(0, &mut bytes).unwrap(), bytes.len());
    bytes
}

/// The value of each sector, each of which is one value throughout.
fn sectors(bytes: &[u8]) -> Vec<u8> {
    let one = |sector: &[u8]| {
        assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is whole");
        sector[0]
    };
    bytes.chunks(SECTOR).map(one).collect()
}

/// What so many seeds make of a crash here.
fn crashes<T: Ord>(disk: &ModelDisk, look: impl Fn(&ModelDisk) -> T) -> BTreeSet<T> {
    let crash = |seed| {
        let fork = disk.fork();
        fork.reseed(seed);
        look(&fork.crash())
    };
    (0..300).map(crash).collect()
}

#[test]
fn what_was_synced_stays_and_the_rest_is_lost_or_kept_as_asked() {
    let (disk, file) = disk_with(5000);
    file.write_all_at(100, &[2; 7000]).unwrap();
    assert_eq!(contents(&disk, "file", Access::Read).len(), 7100);
    let lost = disk.fork().crash_with(Loss::Everything);
    assert_eq!(contents(&lost, "file", Access::Read), [1; 5000]);
    assert_eq!(lost.fired().of(FaultKind::UnsyncedLost), 1);
    let kept = contents(&disk.fork().crash_with(Loss::Nothing), "file", Access::Read);
    assert_eq!((&kept[..100], &kept[100..]), (&[1; 100][..], &[2; 7000][..]));
}

#[test]
fn any_subset_of_the_sectors() {
    let (disk, file) = disk_with(4 * SECTOR);
    file.write_all_at(0, &[2; 4 * SECTOR]).unwrap();
    let left = crashes(&disk, |disk| sectors(&contents(disk, "file", Access::Read)));
    assert_eq!(left.len(), 16, "every subset of four: {left:?}");
    let crashed = disk.fork().crash_with(Loss::Nothing);
    assert_eq!(crashed.fired().of(FaultKind::TornWrite), 0);
    let torn = |disk: &ModelDisk| disk.fired().of(FaultKind::TornWrite);
    assert_eq!(crashes(&disk, torn), BTreeSet::from([0, 1]));
}

#[test]
fn any_version_of_a_sector_since_its_sync() {
    let (disk, file) = disk_with(SECTOR);
    file.write_all_at(0, &[2; SECTOR]).unwrap();
    file.write_all_at(0, &[3; SECTOR]).unwrap();
    let left = crashes(&disk, |disk| sectors(&contents(disk, "file", Access::Read))[0]);
    assert_eq!(left, BTreeSet::from([1, 2, 3]));
}

#[test]
fn any_size_between() {
    let (disk, file) = disk_with(1000);
    file.write_all_at(1000, &[2; 9000]).unwrap();
    let sizes = crashes(&disk, |disk| contents(disk, "file", Access::Read).len());
    assert!(sizes.contains(&1000) && sizes.contains(&10_000), "{sizes:?}");
    assert!(sizes.len() > 5 && sizes.iter().all(|size| (1000..=10_000).contains(size)));
    let shown = contents(&disk.fork().crash_with(Loss::Everything), "file", Access::Read);
    assert_eq!(shown, [1; 1000], "nothing of a lost end comes back when the file grows");
    let again = disk.fork().crash_with(Loss::Everything);
    again.open("file", Access::Write).unwrap().write_all_at(9999, &[5]).unwrap();
    let grown = contents(&again, "file", Access::Read);
    assert!(grown[1000..9999].iter().all(|byte| *byte == 0));
}

#[test]
fn a_durable_write_is_never_undone_by_an_older_one() {
    let (disk, file) = disk_with(4096);
    file.write_all_at(0, &[2; 4096]).unwrap();
    disk.open("file", COMMIT).unwrap().write_all_at(0, &[3; 4096]).unwrap();
    let left = crashes(&disk, |disk| sectors(&contents(disk, "file", Access::Read)));
    assert_eq!(left, BTreeSet::from([vec![3; 8]]));
}

#[test]
fn a_write_in_flight_leaves_any_of_its_sectors() {
    let (disk, _file) = disk_with(4096);
    disk.plan(disk.operations() + 1, Fault::PowerCut);
    let committed = disk.open("file", COMMIT).unwrap();
    assert!(committed.write_all_at(0, &[2; 4096]).is_err());
    assert!(disk.is_gone() && disk.list().is_err() && committed.bytes().is_err());
    assert_eq!(disk.fired().of(FaultKind::PowerCut), 1);
    let left = crashes(&disk, |disk| sectors(&contents(disk, "file", Access::Read)));
    assert!(left.len() > 40, "{}", left.len());
    assert!(left.contains(&vec![1; 8]) && left.contains(&vec![2; 8]));
    let whole = disk.fork().crash_with(Loss::Nothing);
    assert_eq!(contents(&whole, "file", Access::Read), [2; 4096]);
}

#[test]
fn a_name_is_there_once_the_directory_was_synced() {
    let disk = ModelDisk::new(1);
    disk.create("synced", Access::Write).unwrap().sync().unwrap();
    let lost = disk.fork().crash_with(Loss::Everything);
    assert!(lost.list().unwrap().is_empty(), "a synced file without a durable name");
    assert_eq!(lost.fired().of(FaultKind::NameLost), 1);
    disk.sync_directory().unwrap();
    assert_eq!(disk.crash_with(Loss::Everything).list().unwrap(), ["synced"]);
}

#[test]
fn names_survive_in_any_subset_that_keeps_each_in_order() {
    let disk = ModelDisk::new(1);
    for name in ["a", "b", "c"] {
        disk.create(name, Access::Write).unwrap();
    }
    disk.rename("a", "d").unwrap();
    disk.remove("b").unwrap();
    let left = crashes(&disk, |disk| disk.list().unwrap().concat());
    let possible = ["", "a", "b", "c", "d", "ab", "ac", "bc", "bd", "cd", "abc", "bcd"];
    assert_eq!(left, possible.iter().map(|it| (*it).to_owned()).collect(), "never a and d");
}

#[test]
fn a_rename_happens_whole_or_not_at_all() {
    let (disk, _file) = disk_with(10);
    let other = disk.create("new", Access::Write).unwrap();
    other.write_all_at(0, &[9; 20]).unwrap();
    other.sync().unwrap();
    disk.sync_directory().unwrap();
    disk.plan(disk.operations(), Fault::PowerCut);
    assert!(disk.rename("new", "file").is_err());
    let look = |disk: &ModelDisk| {
        (disk.list().unwrap().concat(), contents(disk, "file", Access::Read).len())
    };
    let whole = BTreeSet::from([("file".to_owned(), 20), ("filenew".to_owned(), 10)]);
    assert_eq!(crashes(&disk, look), whole);
}

#[test]
fn a_killed_process_leaves_the_page_cache() {
    let (disk, file) = disk_with(4096);
    file.write_all_at(0, &[2; 4096]).unwrap();
    disk.create("unsynced", Access::Write).unwrap();
    let killed = disk.kill();
    assert_eq!(contents(&killed, "file", Access::Read), [2; 4096]);
    assert_eq!(contents(&killed, "file", Access::ReadDirect), [1; 4096]);
    assert_eq!(killed.list().unwrap(), ["file", "unsynced"]);
    assert!(file.write_all_at(0, &[3]).is_err() && disk.list().is_err());
    assert_eq!(killed.fired().of(FaultKind::Kill), 1);
    let cut = killed.crash_with(Loss::Everything);
    assert_eq!(contents(&cut, "file", Access::Read), [1; 4096]);
}

#[test]
fn what_a_killed_process_had_in_flight_may_be_seen_and_still_be_lost() {
    let (disk, _file) = disk_with(4096);
    disk.plan(disk.operations() + 1, Fault::Kill);
    disk.open("file", COMMIT).unwrap().write_all_at(0, &[2; 4096]).unwrap_err();
    let left = |seed| {
        let killed = disk.fork();
        killed.reseed(seed);
        let killed = killed.kill();
        let seen = sectors(&contents(&killed, "file", Access::ReadDirect));
        assert_eq!(seen, sectors(&contents(&killed, "file", Access::Read)));
        let kept = sectors(&contents(&killed.crash(), "file", Access::Read));
        (seen, kept)
    };
    let left: BTreeSet<_> = (0..200).map(left).collect();
    assert!(left.iter().any(|(seen, kept)| seen == kept && *seen == [2; 8]));
    assert!(left.iter().any(|(seen, kept)| *seen == [2; 8] && *kept == [1; 8]));
    assert!(left.iter().any(|(seen, _)| *seen == [1; 8]));
}

#[test]
fn the_lock_is_free_again() {
    let disk = ModelDisk::new(1);
    let held = disk.lock(LockKind::Exclusive).unwrap();
    assert!(disk.clone().lock(LockKind::Shared).is_err());
    let after = disk.crash();
    let shared = [after.lock(LockKind::Shared).unwrap(), after.lock(LockKind::Shared).unwrap()];
    assert!(after.lock(LockKind::Exclusive).is_err());
    drop(held);
    assert!(after.lock(LockKind::Exclusive).is_err(), "a lock of another life frees nothing");
    drop(shared);
    after.lock(LockKind::Exclusive).unwrap();
    after.lock(LockKind::Exclusive).unwrap();
}

#[test]
fn a_fork_is_another_disk() {
    let (disk, file) = disk_with(8192);
    let fork = disk.fork();
    file.write_all_at(0, &[2; 10]).unwrap();
    fork.open("file", Access::Write).unwrap().write_all_at(5000, &[3; 10]).unwrap();
    disk.remove("file").unwrap();
    let forked = contents(&fork, "file", Access::Read);
    assert_eq!((&forked[..10], &forked[5000..5010]), (&[1; 10][..], &[3; 10][..]));
    assert!(disk.open("file", Access::Read).is_err());
    let mut still = [0; 10];
    file.read_at(0, &mut still).unwrap();
    assert_eq!(still, [2; 10], "a removed file stays with those who have it open");
}

#[test]
fn differences_are_told_by_name() {
    let (disk, file) = disk_with(8192);
    let fork = disk.fork();
    assert!(disk.differences(&fork).is_empty());
    file.write_all_at(5000, &[2]).unwrap();
    assert_eq!(disk.differences(&fork), ["file"], "in the page cache");
    file.sync().unwrap();
    file.write_all_at(5000, &[1]).unwrap();
    assert_eq!(disk.differences(&fork), ["file"], "on the media");
    file.sync().unwrap();
    assert!(fork.differences(&disk).is_empty());
    fork.create("more", COMMIT).unwrap();
    assert_eq!(disk.differences(&fork), ["more"]);
}
