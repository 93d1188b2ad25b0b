//! A file of the system, written whole however short its single writes are.

use std::{
    any::Any,
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
        unix::fs::FileExt,
    },
};

use rustix::fs::FlockOperation;
#[cfg(target_os = "linux")]
use {rustix::fs::Advice, std::num::NonZeroU64};

use super::DiskFile;
use crate::limits::BLOCK_BYTES;

/// The directory's lock, held; let go of when its last holder is gone, in this process or, where
/// that was killed, in the kernel.
#[derive(Debug)]
pub(super) struct LockFile(File);

impl LockFile {
    /// Locks an open file without waiting.
    pub(super) fn lock(file: File, operation: FlockOperation) -> io::Result<LockFile> {
        rustix::fs::flock(&file, operation)?;
        Ok(LockFile(file))
    }
}

impl AsRawFd for LockFile {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing would do, but a ring that is about to be freed holds the file some time longer.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

/// Times in a row that a disk may cut a write short inside one block before it counts as failed.
const CUTS_MAX: u32 = 16;

/// An open file of a [`FileDisk`](super::FileDisk).
pub(super) struct OsFile {
    file: File,
    direct: bool,
    sync_each: bool,
    /// No write of this process may reach beyond: the kernel answers it with a signal.
    bytes_max: u64,
}

impl OsFile {
    pub(super) fn new(file: File, direct: bool, sync_each: bool) -> OsFile {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
        OsFile { file, direct, sync_each, bytes_max: limit.unwrap_or(u64::MAX) }
    }

    /// The descriptor, where it writes past the page cache and no further than allowed.
    #[cfg(target_os = "linux")]
    pub(super) fn direct_fd(&self, end: u64) -> io::Result<Option<BorrowedFd<'_>>> {
        self.check_limit(end)?;
        Ok(self.direct.then(|| self.file.as_fd()))
    }

    fn check_limit(&self, end: u64) -> io::Result<()> {
        if end <= self.bytes_max {
            return Ok(());
        }
        let what = format!("beyond the file-size limit of {} bytes (ulimit -f)", self.bytes_max);
        Err(io::Error::new(io::ErrorKind::FileTooLarge, what))
    }
}

/// Writes to the end, however short the single writes are; `write` makes one, from a place on.
fn write_whole(
    bytes: &[u8],
    direct: bool,
    mut write: impl FnMut(usize) -> io::Result<usize>,
) -> io::Result<()> {
    let mut written = 0;
    let mut cut = 0;
    while written < bytes.len() {
        let before = written;
        match write(written) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        // Past the page cache the rest must start on a block: write the cut block again.
        if direct && written < bytes.len() {
            written -= written % BLOCK_BYTES;
        }
        cut = if written == before { cut + 1 } else { 0 };
        if cut == CUTS_MAX {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    assert_eq!(written, bytes.len(), "a short write is looped to its end");
    Ok(())
}

impl DiskFile for OsFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < into.len() {
            match self.file.read_at(&mut into[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            // Past the page cache only the end of the file may cut a read inside a block.
            if self.direct && !read.is_multiple_of(BLOCK_BYTES) {
                break;
            }
        }
        assert!(read <= into.len(), "a read stays in its memory");
        Ok(read)
    }

    fn read_ahead(&self, offset: u64, bytes: u64) {
        read_ahead(&self.file, offset, bytes);
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let aligned =
            offset.is_multiple_of(BLOCK_BYTES as u64) && bytes.len().is_multiple_of(BLOCK_BYTES);
        assert!(!self.direct || aligned, "write whole blocks past the page cache");
        self.check_limit(offset + bytes.len() as u64)?;
        write_whole(bytes, self.direct, |from| {
            self.file.write_at(&bytes[from..], offset + from as u64)
        })?;
        if self.sync_each { self.file.sync_data() } else { Ok(()) }
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        self.check_limit(bytes)?;
        allocate(&self.file, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Asks piece by piece: the kernel cuts a longer request to what the device reads ahead by default,
/// and forgets the rest.
#[cfg(target_os = "linux")]
fn read_ahead(file: &File, offset: u64, bytes: u64) {
    const PIECE: u64 = 128 << 10;
    for from in (offset..offset + bytes).step_by(PIECE as usize) {
        let piece = NonZeroU64::new(PIECE.min(offset + bytes - from));
        // A kernel that will not hear of it reads when it is asked to.
        let _ = rustix::fs::fadvise(file, from, piece, Advice::WillNeed);
    }
}

#[cfg(not(target_os = "linux"))]
fn read_ahead(_file: &File, _offset: u64, _bytes: u64) {}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: u64) -> io::Result<bool> {
    use rustix::{fs::FallocateFlags, io::Errno};
    let allocate = || rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes);
    match rustix::io::retry_on_intr(allocate) {
        // Room is then found, or not, by the zeros that are written next.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        answer => answer.map(|()| true).map_err(io::Error::from),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &File, _bytes: u64) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes three blocks where no single write takes more than so many bytes.
    fn cut_short_at(count: usize, direct: bool) -> io::Result<()> {
        let bytes: Vec<u8> = (0..3 * BLOCK_BYTES).map(|at| (at % 251) as u8).collect();
        let (mut disk, mut calls) = (vec![0; bytes.len()], 0);
        write_whole(&bytes, direct, |from| {
            assert!(!direct || from.is_multiple_of(BLOCK_BYTES), "whole blocks past the cache");
            calls += 1;
            if calls % 3 == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let until = bytes.len().min(from + count);
            disk[from..until].copy_from_slice(&bytes[from..until]);
            Ok(until - from)
        })?;
        assert!(disk == bytes, "what was answered as written is there");
        Ok(())
    }

    #[test]
    fn a_short_write_is_gone_on_with() {
        for count in [1, 511, BLOCK_BYTES, BLOCK_BYTES + 512, 2 * BLOCK_BYTES + 1, usize::MAX / 2] {
            cut_short_at(count, false).unwrap();
        }
        for count in [BLOCK_BYTES, BLOCK_BYTES + 512, 2 * BLOCK_BYTES, usize::MAX / 2] {
            cut_short_at(count, true).unwrap();
        }
        for (count, direct) in [(0, false), (512, true)] {
            let never = cut_short_at(count, direct).unwrap_err();
            assert_eq!(never.kind(), io::ErrorKind::WriteZero, "it never gets on");
        }
    }

    /// Bytes that this thread had fetched from storage, as far as the system counts them.
    #[cfg(target_os = "linux")]
    fn fetched_by(read: impl FnOnce()) -> u64 {
        let fetched = || {
            let io = std::fs::read_to_string("/proc/thread-self/io").unwrap_or_default();
            let bytes = io.lines().find_map(|line| line.strip_prefix("read_bytes: "));
            bytes.map_or(0, |bytes| bytes.parse().unwrap())
        };
        let before: u64 = fetched();
        read();
        fetched() - before
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn all_that_is_to_be_read_ahead_is_on_its_way() {
        const BYTES: u64 = 4 << 20;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("read ahead");
        std::fs::write(&path, vec![7; BYTES as usize]).unwrap();
        let file = File::open(&path).unwrap();
        file.sync_all().unwrap();
        let forget = || rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        forget();
        let seen = fetched_by(|| file.read_exact_at(&mut [0; BLOCK_BYTES], 0).unwrap());
        if seen == 0 {
            return eprintln!("skipped: nobody counts what this file system fetches");
        }
        forget();
        let fetched = fetched_by(|| read_ahead(&file, 0, BYTES));
        assert!(fetched >= BYTES - (64 << 10), "{fetched} bytes of {BYTES}");
        assert_eq!(fetched_by(|| read_ahead(&file, 0, 0)), 0, "nothing asked for, nothing fetched");
    }
}
