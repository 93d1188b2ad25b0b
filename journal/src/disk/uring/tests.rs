//! What is under way, what fails, and what becomes of the memory.

use std::{os::fd::AsRawFd, sync::Arc};

use io_uring::IoUring;
use rustix::fs::FlockOperation;

use super::{RingQueue, Write};
use crate::{
    disk::{
        Access, AlignedBuffer, Completion, Disk, DiskFile, FileDisk, LockKind, WriteQueue,
        WriteTicket, os_file::LockFile,
    },
    durability::Durability,
    limits::BLOCK_BYTES,
};

/// Blocks of the file that is written to.
const BLOCKS: usize = 8;

struct Bench {
    disk: FileDisk,
    home: tempfile::TempDir,
}

impl Bench {
    /// `None` where the kernel or a sandbox has no io_uring.
    fn new() -> Option<(Bench, RingQueue)> {
        let queue = RingQueue::new(None).map_err(|error| println!("skipped: {error}")).ok()?;
        let home = tempfile::tempdir().unwrap();
        let disk = FileDisk::open(home.path().join("data")).unwrap();
        let file = disk.create("file", Access::Write).unwrap();
        file.write_all_at(0, &[0; BLOCKS * BLOCK_BYTES]).unwrap();
        file.sync().unwrap();
        Some((Bench { disk, home }, queue))
    }

    fn file(&self, access: Access) -> Arc<dyn DiskFile> {
        self.disk.open("file", access).unwrap()
    }

    /// The first byte of every block.
    fn written(&self) -> Vec<u8> {
        let mut bytes = vec![0; BLOCKS * BLOCK_BYTES];
        self.file(Access::Read).read_at(0, &mut bytes).unwrap();
        bytes.chunks(BLOCK_BYTES).map(|block| block[0]).collect()
    }
}

const COMMIT: Access = Access::Commit(Durability::Synced);

fn filled(blocks: usize, byte: u8) -> Arc<AlignedBuffer> {
    let mut buffer = AlignedBuffer::new(blocks * BLOCK_BYTES);
    buffer.all_mut().fill(byte);
    buffer.set_filled(blocks * BLOCK_BYTES);
    Arc::new(buffer)
}

fn waited(queue: &mut RingQueue) -> Completion {
    queue.complete(true).expect("a write is under way")
}

#[test]
fn two_writes_are_under_way_and_their_memory_is_kept_until_they_are_done() {
    let Some((bench, mut queue)) = Bench::new() else { return };
    let file = bench.file(COMMIT);
    for round in 0..20_u8 {
        let buffers = [filled(2, 2 * round + 1), filled(3, 2 * round + 2)];
        for (at, buffer) in buffers.iter().enumerate() {
            let offset = (at * 3 * BLOCK_BYTES) as u64;
            queue.submit(&file, offset, buffer.clone(), WriteTicket(at as u64));
            assert_eq!(Arc::strong_count(buffer), 2, "the queue holds the memory");
        }
        let mut done = [waited(&mut queue), waited(&mut queue)];
        done.sort_by_key(|completion| completion.ticket);
        for (at, completion) in done.iter().enumerate() {
            assert_eq!(completion.ticket, WriteTicket(at as u64));
            assert!(completion.result.is_ok() && completion.write_ns > 0, "{completion:?}");
        }
        assert!(queue.complete(true).is_none(), "nothing is left, and nothing is waited for");
        assert!(buffers.iter().all(|buffer| Arc::strong_count(buffer) == 1), "memory is let go");
        let (first, second) = (2 * round + 1, 2 * round + 2);
        assert_eq!(bench.written(), [first, first, 0, second, second, second, 0, 0]);
    }
}

#[test]
fn a_write_that_fails_says_so_and_the_other_is_done() {
    let Some((bench, mut queue)) = Bench::new() else { return };
    let (file, not_ours) = (bench.file(COMMIT), bench.file(Access::ReadDirect));
    queue.submit(&not_ours, 0, filled(1, 7), WriteTicket(0));
    queue.submit(&file, BLOCK_BYTES as u64, filled(1, 8), WriteTicket(1));
    let mut done = [waited(&mut queue), waited(&mut queue)];
    done.sort_by_key(|completion| completion.ticket);
    let refused = done[0].result.as_ref().unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
    assert!(done[1].result.is_ok());
    assert_eq!(bench.written(), [0, 8, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_queue_that_is_dropped_waits_for_what_it_began() {
    let Some((bench, mut queue)) = Bench::new() else { return };
    let (file, buffer) = (bench.file(COMMIT), filled(4, 9));
    queue.submit(&file, 0, buffer.clone(), WriteTicket(0));
    drop(queue);
    assert_eq!(Arc::strong_count(&buffer), 1, "the memory is let go");
    assert_eq!(bench.written(), [9, 9, 9, 9, 0, 0, 0, 0]);
}

#[test]
fn a_write_through_the_page_cache_is_done_by_the_call() {
    let Some((bench, mut queue)) = Bench::new() else { return };
    let file = bench.file(Access::Commit(Durability::Buffered));
    queue.submit(&file, 0, filled(1, 5), WriteTicket(3));
    let done = queue.complete(false).expect("it ended in the call");
    assert_eq!((done.ticket, done.result.is_ok()), (WriteTicket(3), true));
    assert_eq!(bench.written()[0], 5);
}

#[test]
fn what_the_kernel_cuts_short_is_written_to_its_end() {
    let Some((bench, _)) = Bench::new() else { return };
    for (cut, from) in [(0, 0), (511, 0), (BLOCK_BYTES, 1), (2 * BLOCK_BYTES + 512, 2)] {
        let file = bench.file(COMMIT);
        file.write_all_at(0, &filled(3, 0)).unwrap();
        let write = Write::new(&file, 0, filled(3, 6), WriteTicket(0));
        assert!(write.end(Ok(cut)).result.is_ok());
        let expected: Vec<u8> = (0..3).map(|block| if block < from { 0 } else { 6 }).collect();
        assert_eq!(bench.written()[..3], expected, "from block {from} on");
    }
}

/// What a killed process leaves: its descriptors are closed, its ring lives on until the last
/// write is done, and so must the lock.
#[test]
fn a_lock_that_a_ring_holds_outlives_its_descriptor() {
    let Some((bench, _)) = Bench::new() else { return };
    let file = std::fs::File::create(bench.home.path().join("data/lock")).unwrap();
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    let ring = IoUring::new(2).unwrap();
    ring.submitter().register_files(&[file.as_raw_fd()]).unwrap();
    drop(file);
    let refused = bench.disk.lock(LockKind::Exclusive).map(drop).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock, "the ring holds the lock");
    drop(ring);
    let lock = bench.disk.lock(LockKind::Exclusive).expect("it waits until the ring is freed");
    // A ring of ours that is still being freed keeps nobody away.
    let queue = bench.disk.writer(Durability::Synced);
    drop((queue, lock));
    bench.disk.lock(LockKind::Exclusive).expect("the lock was let go of");
}

#[test]
fn a_queue_gives_its_ring_the_lock() {
    let Some((bench, _)) = Bench::new() else { return };
    let file = std::fs::File::create(bench.home.path().join("data/lock")).unwrap();
    let lock = LockFile::lock(file, FlockOperation::NonBlockingLockExclusive).unwrap();
    let queue = RingQueue::new(Some(Arc::new(lock))).unwrap();
    let info = format!("/proc/self/fdinfo/{}", queue.ring.as_raw_fd());
    let info = std::fs::read_to_string(info).unwrap();
    let files = info.lines().find_map(|line| line.strip_prefix("UserFiles:")).unwrap();
    assert_eq!(files.trim(), "1", "{info}");
}

#[test]
fn a_write_that_was_given_up_is_waited_for() {
    let Some((bench, mut queue)) = Bench::new() else { return };
    let (file, buffer) = (bench.file(COMMIT), filled(4, 9));
    queue.submit(&file, 0, buffer.clone(), WriteTicket(0));
    let told = queue.give_up(0, std::io::ErrorKind::Other.into());
    assert!(told.result.is_err());
    assert!(queue.complete(true).is_none(), "it is told once");
    drop(queue);
    assert_eq!(Arc::strong_count(&buffer), 1, "the memory is let go");
    assert_eq!(bench.written(), [9, 9, 9, 9, 0, 0, 0, 0]);
}
