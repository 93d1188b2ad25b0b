//! The only door to files: what the journal asks of a disk.

mod aligned;
mod file;
mod memory;
mod os_file;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "io_uring reads memory that the writer lends it")]
mod uring;

use std::{any::Any, io, sync::Arc};

pub use aligned::AlignedBuffer;
pub use file::FileDisk;
pub use memory::MemoryDisk;

use crate::durability::Durability;

/// A directory of files. All names are plain file names in that one directory.
pub trait Disk: Send + Sync + 'static {
    /// The most this disk can promise of a completed write.
    fn durability(&self) -> Durability;

    /// Whether what is written can be read back. Where nothing is kept there is nothing to prove:
    /// batches of entries are not sealed. Where header, padding and trailer would be, such a disk
    /// is given any bytes, and the chain of every batch is [`Chain::ZERO`](crate::Chain::ZERO).
    fn keeps(&self) -> bool {
        true
    }

    /// How it writes, for people: "O_DIRECT, one write in flight".
    fn describe(&self) -> String;

    /// Takes the directory's lock; `WouldBlock` where another holds it, after half a second at most
    /// for a killed owner's last write. The lock is held until the answer is dropped.
    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>>;

    /// Names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates an empty file; `AlreadyExists` where there is one.
    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file; `NotFound` where there is none.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Replaces `to` by `from` in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes created, renamed and removed names durable.
    fn sync_directory(&self) -> io::Result<()>;

    /// A queue of journal writes, each durable as asked for once completed.
    fn writer(&self, durability: Durability) -> Box<dyn WriteQueue>;

    /// Sixteen random bytes, for identities and salts. A simulator gives its own.
    fn random(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}

/// What a held directory lock is: something whose drop releases it.
pub trait DiskLock: Send + Sync {}

/// Who else may hold the directory's lock at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Any number of other readers.
    Shared,
    /// Nobody.
    Exclusive,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading, through the page cache.
    Read,
    /// Reading what is on the disk itself, where the file system can. Whole aligned blocks
    /// into aligned memory.
    ReadDirect,
    /// Reading and writing through the page cache; durable at [`DiskFile::sync`].
    Write,
    /// Filling a new file: whole aligned blocks from aligned memory, past the page cache where the
    /// file system can; durable at [`DiskFile::sync`]. What goes through the cache is written back
    /// all at once, and every journal write waits behind it.
    Fill,
    /// Journal writes: whole aligned blocks from aligned memory; in `Synced` each is durable
    /// when it returns.
    Commit(Durability),
}

/// An open file.
pub trait DiskFile: Send + Sync + 'static {
    /// Its present size in bytes.
    fn bytes(&self) -> io::Result<u64>;

    /// Reads at a place until the memory is full or the file ends; the bytes read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Says that these bytes are about to be read, so that they can be on their way by then. A
    /// hint: it does not wait for them, and may be ignored, as it is unless a disk knows better.
    fn read_ahead(&self, _offset: u64, _bytes: u64) {}

    /// Writes all bytes at a place, growing the file where it ends before.
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Sets room aside for the first so many bytes, where the file system can, so that a disk
    /// without it says so at once instead of being written full. Whether it could: the file is
    /// then at least so long, what was not written in it reads as zeros, and a write inside finds
    /// its room, as far as the file system and what is beneath it keep their word.
    fn reserve(&self, _bytes: u64) -> io::Result<bool> {
        Ok(false)
    }

    /// Makes everything written before durable, the size included.
    fn sync(&self) -> io::Result<()>;

    /// Lets a disk's own queue get at its own kind of file.
    fn as_any(&self) -> &dyn Any;
}

/// Number a write is submitted under, chosen by the journal, growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteTicket(pub u64);

/// How a submitted write ended.
#[derive(Debug)]
pub struct Completion {
    /// The number it was submitted under.
    pub ticket: WriteTicket,
    /// Whether every byte is durable as promised.
    pub result: io::Result<()>,
    /// Nanoseconds from submission to durable, by the disk's clock.
    pub write_ns: u64,
}

/// Journal writes in flight. They may complete in any order: the journal restores it.
pub trait WriteQueue: Send {
    /// How many writes may be submitted and not yet completed, 1 to 64; with others opening a
    /// journal panics.
    fn in_flight_max(&self) -> usize;

    /// Begins to write all of the buffer. Never called with `in_flight_max` in flight.
    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    );

    /// The next completed write. With `wait`, blocks until there is one, where any is in
    /// flight.
    fn complete(&mut self, wait: bool) -> Option<Completion>;
}
