//! A disk that knows whether a segment is being filled at the moment.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotledger_journal::{Access, Disk, DiskFile, DiskLock, Durability, LockKind, WriteQueue};

/// How long a filling that is asked for may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_millis(5);

/// How long one is waited for at most.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// Another disk, watched.
pub(super) struct WatchedDisk {
    disk: Arc<dyn Disk>,
    /// One clone of it for each file that is being filled.
    filling: Arc<()>,
}

/// A file that is being filled for as long as it is open.
struct Filling {
    file: Arc<dyn DiskFile>,
    _counted: Arc<()>,
}

impl WatchedDisk {
    /// Watches this disk.
    pub(super) fn new(disk: impl Disk) -> Self {
        Self { disk: Arc::new(disk), filling: Arc::new(()) }
    }

    /// Waits until the segment that was begun to be filled is full; how long that took.
    ///
    /// The engine fills its next segment beside its work. What it had begun when it stopped
    /// working would be written on while something else is measured.
    pub(super) fn rest(&self) -> Duration {
        let begun = Instant::now();
        std::thread::sleep(BEGINS_WITHIN);
        while Arc::strong_count(&self.filling) > 1 && begun.elapsed() < ENDS_WITHIN {
            std::thread::sleep(LOOK);
        }
        begun.elapsed()
    }
}

impl Disk for WatchedDisk {
    fn durability(&self) -> Durability {
        self.disk.durability()
    }

    fn keeps(&self) -> bool {
        self.disk.keeps()
    }

    fn describe(&self) -> String {
        self.disk.describe()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        self.disk.lock(kind)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.create(name, access)?;
        match access {
            Access::Fill => Ok(Arc::new(Filling { file, _counted: Arc::clone(&self.filling) })),
            _ => Ok(file),
        }
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(name, access)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }

    fn writer(&self, durability: Durability) -> Box<dyn WriteQueue> {
        self.disk.writer(durability)
    }

    fn random(&self) -> [u8; 16] {
        self.disk.random()
    }
}

impl DiskFile for Filling {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, into)
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(offset, bytes)
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        self.file.reserve(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn as_any(&self) -> &dyn Any {
        self.file.as_any()
    }
}

#[cfg(test)]
mod tests {
    use hotledger_journal::MemoryDisk;

    use super::*;

    #[test]
    fn it_rests_until_no_file_is_being_filled() {
        let disk = WatchedDisk::new(MemoryDisk::new());
        let written = disk.create("written", Access::Write).unwrap();
        assert!(disk.rest() < ENDS_WITHIN, "only filling counts");
        let filled = disk.create("filled", Access::Fill).unwrap();
        filled.write_all_at(0, &[0; 4096]).unwrap();
        let filling = Duration::from_millis(50);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(filling);
                drop(filled);
            });
            assert!(disk.rest() >= filling - LOOK);
        });
        assert_eq!(written.bytes().unwrap(), 0);
    }
}
