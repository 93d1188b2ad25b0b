//! A directory of real files, written past the page cache where the file system allows.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, FileExt},
    },
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};

#[cfg(target_os = "linux")]
use super::uring::RingQueue;
use super::{
    Access, AlignedBuffer, Completion, Disk, DiskFile, DiskLock, LockKind, WriteQueue, WriteTicket,
    os_file::{LockFile, OsFile},
};
use crate::{durability::Durability, error::Error, limits::BLOCK_BYTES};

const LOCK_NAME: &str = "lock";

/// A killed process holds its lock until the kernel has written what it had begun and has freed
/// its ring: 22 to 60 ms in nine kills of an idle one. So a lock that is held is asked for again.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

#[cfg(target_os = "linux")]
const DIRECT: OFlags = OFlags::DIRECT;
#[cfg(not(target_os = "linux"))]
const DIRECT: OFlags = OFlags::empty();

#[cfg(target_os = "linux")]
const SYNCED_AT_WRITE: OFlags = OFlags::DSYNC;
#[cfg(not(target_os = "linux"))]
const SYNCED_AT_WRITE: OFlags = OFlags::empty();

/// A directory of real files.
///
/// In `Synced` a journal write goes to an `O_DIRECT | O_DSYNC` descriptor, through io_uring, and
/// two may be under way at once. Where the kernel or a sandbox has no io_uring it is a `pwrite` in
/// the call that submits it, one at a time; a file system that refuses `O_DIRECT` gets `O_DSYNC`
/// through the page cache, likewise. Both are said once at level `info`. In `Buffered` a write goes
/// to the page cache and no further.
///
/// A write beyond the file-size limit of the process (`RLIMIT_FSIZE`, `ulimit -f`) is answered
/// with an error and never issued, so the signal that the kernel would send does not end the
/// process. The limit is the one at the time the file was opened: asking for it costs half a
/// microsecond, too much for every write.
#[derive(Debug)]
pub struct FileDisk {
    directory: OwnedFd,
    path: String,
    direct_refused: AtomicBool,
    /// The directory's lock as long as this process holds it.
    held: Mutex<Weak<LockFile>>,
    /// Whether io_uring is to be tried.
    ring_wanted: bool,
    /// Whether journal writes go through it.
    ring_used: AtomicBool,
}

impl FileDisk {
    /// Opens a directory, created for this user alone where missing (its parent must exist).
    ///
    /// # Errors
    /// [`Error::NotADirectory`], [`Error::Permission`], [`Error::CannotCreate`].
    pub fn open(path: impl AsRef<Path>) -> Result<FileDisk, Error> {
        let path = path.as_ref();
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => sync_parent(path)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(Error::Permission { what: format!("create {}", path.display()) });
            }
            Err(error) => {
                let source = Arc::new(error);
                return Err(Error::CannotCreate { path: path.display().to_string(), source });
            }
        }
        FileDisk::open_existing(path)
    }

    /// Opens a directory that must be there; creates nothing.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NotADirectory`], [`Error::Permission`].
    pub fn open_existing(path: impl AsRef<Path>) -> Result<FileDisk, Error> {
        let path = path.as_ref().display().to_string();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path.as_str(), flags, Mode::empty()) {
            Ok(directory) => Ok(FileDisk {
                directory,
                path,
                direct_refused: AtomicBool::new(false),
                held: Mutex::default(),
                ring_wanted: cfg!(target_os = "linux"),
                ring_used: AtomicBool::new(false),
            }),
            Err(rustix::io::Errno::NOTDIR) => Err(Error::NotADirectory { path }),
            Err(rustix::io::Errno::NOENT) => Err(Error::Missing),
            Err(errno) => Err(Error::from_io(format!("open {path}"), errno.into())),
        }
    }

    /// Leaves io_uring alone: journal writes block, one at a time. For programs that may not or
    /// do not want to use it, and to measure what it gains.
    #[must_use]
    pub fn without_io_uring(self) -> FileDisk {
        FileDisk { ring_wanted: false, ..self }
    }

    /// A ring for journal writes, where it is wanted and can be had.
    #[cfg(target_os = "linux")]
    fn ring(&self, durability: Durability) -> Option<Box<dyn WriteQueue>> {
        // In `Buffered` a write is a copy in memory: there is nothing to wait for.
        if !self.ring_wanted || durability != Durability::Synced {
            return None;
        }
        if loses_syncs(&self.directory) {
            tracing::info!(path = self.path, "btrfs: journal writes block, one at a time");
            return None;
        }
        let lock = self.held.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        match RingQueue::new(lock) {
            Ok(ring) => {
                self.ring_used.store(true, Ordering::Relaxed);
                Some(Box::new(ring))
            }
            Err(error) => {
                tracing::info!(
                    path = self.path, %error,
                    "no io_uring here: journal writes block, one at a time"
                );
                None
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn ring(&self, _durability: Durability) -> Option<Box<dyn WriteQueue>> {
        None
    }

    /// Opens relative to the directory, never through a symbolic link.
    fn open_at(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(rustix::fs::openat(&self.directory, name, flags, mode)?);
        if !file.metadata()?.is_file() {
            let what = format!("{name} is not a regular file");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        Ok(file)
    }

    fn open_as(&self, name: &str, access: Access, create: OFlags) -> io::Result<Arc<dyn DiskFile>> {
        let (flags, direct, sync_each) = match access {
            Access::Read => (OFlags::RDONLY, false, false),
            Access::ReadDirect => (OFlags::RDONLY, true, false),
            Access::Write => (OFlags::RDWR, false, false),
            Access::Fill => (OFlags::RDWR, true, false),
            Access::Commit(Durability::Synced) => (OFlags::RDWR | SYNCED_AT_WRITE, true, true),
            Access::Commit(_) => (OFlags::RDWR, false, false),
        };
        let sync_each = sync_each && SYNCED_AT_WRITE.is_empty();
        let direct = direct && !DIRECT.is_empty();
        if direct && !self.direct_refused.load(Ordering::Relaxed) {
            match self.open_direct(name, flags | create) {
                Ok(file) => return Ok(Arc::new(OsFile::new(file, true, sync_each))),
                Err(error) if refuses_direct(&error) => self.say_direct_refused(),
                Err(error) => return Err(error),
            }
            // The refused attempt may have created the file already.
            let file = self.open_at(name, flags | (create - OFlags::EXCL))?;
            return Ok(Arc::new(OsFile::new(file, false, sync_each)));
        }
        let file = self.open_at(name, flags | create)?;
        Ok(Arc::new(OsFile::new(file, false, sync_each)))
    }

    /// Opens past the page cache and tries one read: some file systems take the flag and then
    /// refuse every transfer.
    fn open_direct(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let file = self.open_at(name, flags | DIRECT)?;
        let mut block = AlignedBuffer::new(BLOCK_BYTES);
        match file.read_at(block.all_mut(), 0) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(file),
        }
    }

    fn say_direct_refused(&self) {
        if !self.direct_refused.swap(true, Ordering::Relaxed) {
            tracing::info!(
                path = self.path,
                "file system refuses O_DIRECT: journal writes go through the page cache, each \
                 synced by O_DSYNC"
            );
        }
    }
}

/// Whether a write past the page cache that does not block may be told as synced and is not: btrfs
/// until Linux 6.1 ("fix lost file sync on direct IO write with nowait and dsync iocb"). A version
/// is no proof of a fix, so none is asked for.
#[cfg(target_os = "linux")]
fn loses_syncs(directory: &OwnedFd) -> bool {
    const BTRFS: u32 = 0x9123_683e;
    rustix::fs::fstatfs(directory).is_ok_and(|system| system.f_type as u32 == BTRFS)
}

fn refuses_direct(error: &io::Error) -> bool {
    let invalid = rustix::io::Errno::INVAL.raw_os_error();
    let unsupported = rustix::io::Errno::OPNOTSUPP.raw_os_error();
    error.raw_os_error().is_some_and(|code| code == invalid || code == unsupported)
}

/// A new directory's own name is durable only once its parent is synced.
fn sync_parent(path: &Path) -> Result<(), Error> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Error::from_io(format!("sync {}", parent.display()), error))
}

impl Disk for FileDisk {
    fn durability(&self) -> Durability {
        Durability::Synced
    }

    fn describe(&self) -> String {
        if self.direct_refused.load(Ordering::Relaxed) || DIRECT.is_empty() {
            return "page cache, one write in flight".to_owned();
        }
        let writes = match self.ring_used.load(Ordering::Relaxed) {
            true => "io_uring, two writes in flight",
            false => "one write in flight",
        };
        format!("O_DIRECT, {writes}")
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        let (flags, operation) = match kind {
            LockKind::Exclusive => {
                (OFlags::RDWR | OFlags::CREATE, FlockOperation::NonBlockingLockExclusive)
            }
            LockKind::Shared => {
                (OFlags::RDONLY | OFlags::CREATE, FlockOperation::NonBlockingLockShared)
            }
        };
        let mut tries = 0;
        let lock = loop {
            match LockFile::lock(self.open_at(LOCK_NAME, flags)?, operation) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && tries < LOCK_TRIES => {
                    tries += 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                answer => break Arc::new(answer?),
            }
        };
        if kind == LockKind::Exclusive {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&lock);
        }
        Ok(Box::new(FileLock { _file: lock }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.directory)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.open_as(name, access, OFlags::CREATE | OFlags::EXCL)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.open_as(name, access, OFlags::empty())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.directory, from, &self.directory, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.directory, name, AtFlags::empty())?)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.directory)?)
    }

    fn writer(&self, durability: Durability) -> Box<dyn WriteQueue> {
        // The file's own access carries the durability.
        self.ring(durability)
            .unwrap_or_else(|| Box::new(BlockingQueue { completed: VecDeque::with_capacity(1) }))
    }
}

struct FileLock {
    _file: Arc<LockFile>,
}

impl DiskLock for FileLock {}

/// Writes in the call that submits, so at most one is ever in flight.
struct BlockingQueue {
    completed: VecDeque<Completion>,
}

impl WriteQueue for BlockingQueue {
    fn in_flight_max(&self) -> usize {
        1
    }

    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) {
        assert!(self.completed.is_empty(), "ask for a free slot before submitting");
        let started = Instant::now();
        let result = file.write_all_at(offset, &bytes);
        let write_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.completed.push_back(Completion { ticket, result, write_ns });
    }

    fn complete(&mut self, _wait: bool) -> Option<Completion> {
        self.completed.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(disk: &FileDisk) {
        let mut block = AlignedBuffer::new(2 * BLOCK_BYTES);
        block.all_mut().fill(7);
        for durability in [Durability::Synced, Durability::Buffered] {
            let name = durability.to_string();
            let file = disk.create(&name, Access::Commit(durability)).unwrap();
            file.write_all_at(0, block.all_mut()).unwrap();
            block.all_mut().fill(9);
            for access in [Access::Read, Access::ReadDirect] {
                let file = disk.open(&name, access).unwrap();
                assert_eq!(file.read_at(0, block.all_mut()).unwrap(), 2 * BLOCK_BYTES);
                assert!(block.all_mut().iter().all(|byte| *byte == 7));
                assert_eq!(file.read_at(2 * BLOCK_BYTES as u64, block.all_mut()).unwrap(), 0);
            }
            let again = disk.create(&name, Access::Write).map(drop).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn with_and_without_o_direct() {
        let home = tempfile::tempdir().unwrap();
        round_trip(&FileDisk::open(home.path().join("direct")).unwrap());
        let cached = FileDisk::open(home.path().join("cached")).unwrap();
        cached.say_direct_refused();
        round_trip(&cached);
        assert_eq!(cached.describe(), "page cache, one write in flight");
    }

    #[test]
    fn room_that_is_set_aside_is_there_and_reads_as_zeros() {
        let home = tempfile::tempdir().unwrap();
        let disk = FileDisk::open(home.path()).unwrap();
        let file = disk.create("file", Access::Fill).unwrap();
        let could = file.reserve(4 * BLOCK_BYTES as u64).unwrap();
        assert_eq!(file.bytes().unwrap(), if could { 4 * BLOCK_BYTES as u64 } else { 0 });
        let mut block = AlignedBuffer::new(BLOCK_BYTES);
        block.all_mut().fill(7);
        file.write_all_at(2 * BLOCK_BYTES as u64, block.all_mut()).unwrap();
        file.sync().unwrap();
        let mut found = vec![1; 3 * BLOCK_BYTES];
        assert_eq!(
            disk.open("file", Access::Read).unwrap().read_at(0, &mut found).unwrap(),
            found.len()
        );
        assert!(found[..2 * BLOCK_BYTES].iter().all(|byte| *byte == 0), "nobody's old bytes");
        assert!(found[2 * BLOCK_BYTES..].iter().all(|byte| *byte == 7));
    }

    #[test]
    fn only_refusals_of_the_flag_count_as_such() {
        let refusal = io::Error::from_raw_os_error(rustix::io::Errno::INVAL.raw_os_error());
        assert!(refuses_direct(&refusal));
        assert!(!refuses_direct(&io::ErrorKind::NotFound.into()));
    }
}
