//! A directory in memory that is read with damage in it, and notes when anybody writes.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hotledger::{Disk, Durability, MemoryDisk};
use hotledger_journal::{Access, DiskFile, DiskLock, LockKind, WriteQueue};

/// Files by name. A clone shares the bytes.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Image {
    pub(crate) files: BTreeMap<String, Arc<Vec<u8>>>,
}

/// Bytes that stand in a file in place of those that were written.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) file: String,
    pub(crate) offset: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Image {
    pub(crate) fn of(disk: &MemoryDisk) -> Image {
        let names = disk.list().expect("listable").into_iter();
        let files = names.map(|name| {
            let file = disk.open(&name, Access::Read).expect("it is listed");
            let mut bytes = vec![0; file.bytes().expect("a size") as usize];
            let read = file.read_at(0, &mut bytes).expect("readable");
            assert_eq!(read, bytes.len());
            (name, Arc::new(bytes))
        });
        Image { files: files.collect() }
    }

    /// A disk of its own with these files, to be written to.
    pub(crate) fn disk(&self) -> MemoryDisk {
        let disk = MemoryDisk::new();
        for (name, bytes) in &self.files {
            let file = disk.create(name, Access::Write).expect("a new disk");
            file.write_all_at(0, bytes).expect("memory");
        }
        disk
    }

    pub(crate) fn bytes(&self, name: &str) -> &Arc<Vec<u8>> {
        self.files.get(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub(crate) fn with(&self, patches: &[Patch]) -> Image {
        let mut damaged = self.clone();
        for patch in patches {
            let bytes = damaged.files.get_mut(&patch.file).expect("a file of the image");
            let place = patch.offset..patch.offset + patch.bytes.len();
            Arc::make_mut(bytes)[place].copy_from_slice(&patch.bytes);
        }
        damaged
    }

    pub(crate) fn cut(&self, name: &str, length: usize) -> Image {
        let kept = self.bytes(name)[..length].to_vec();
        self.replaced(name, Some(kept))
    }

    /// With other bytes under this name, or without it.
    pub(crate) fn replaced(&self, name: &str, by: Option<Vec<u8>>) -> Image {
        let mut changed = self.clone();
        match by {
            Some(bytes) => drop(changed.files.insert(name.to_owned(), Arc::new(bytes))),
            None => drop(changed.files.remove(name).expect("a file of the image")),
        }
        changed
    }

    /// The bit of a file turned round.
    pub(crate) fn flip(&self, name: &str, bit: usize) -> Patch {
        let offset = bit / 8;
        let byte = self.bytes(name)[offset] ^ (1 << (bit % 8));
        Patch { file: name.to_owned(), offset, bytes: vec![byte] }
    }
}

/// An image as a disk that never changes: a write fails, and is remembered.
pub(crate) struct StillDisk {
    image: Image,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    patches: Mutex<Vec<Patch>>,
    written: AtomicBool,
    /// What was read: file, from, up to.
    reads: Mutex<Vec<(String, usize, usize)>>,
    listens: AtomicBool,
}

impl StillDisk {
    pub(crate) fn new(image: Image) -> Arc<StillDisk> {
        Arc::new(StillDisk { image, shared: Arc::default() })
    }

    /// Puts this damage in the place of the one before.
    pub(crate) fn damage(&self, patches: Vec<Patch>) {
        *self.shared.patches.lock().expect("no panic holds it") = patches;
    }

    pub(crate) fn assert_untouched(&self) {
        assert!(!self.shared.written.load(Ordering::Relaxed), "somebody wrote");
    }

    /// What `work` reads.
    pub(crate) fn reads_of(&self, work: impl FnOnce()) -> Vec<(String, usize, usize)> {
        self.shared.listens.store(true, Ordering::Relaxed);
        work();
        self.shared.listens.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.shared.reads.lock().expect("no panic holds it"))
    }

    fn refuse<T>(&self) -> io::Result<T> {
        self.shared.refuse()
    }
}

impl Shared {
    fn refuse<T>(&self) -> io::Result<T> {
        self.written.store(true, Ordering::Relaxed);
        Err(io::Error::other("this disk is only looked at"))
    }
}

struct NoLock;

impl DiskLock for NoLock {}

impl Disk for StillDisk {
    fn durability(&self) -> Durability {
        Durability::Synced
    }

    fn describe(&self) -> String {
        "an image".to_owned()
    }

    fn lock(&self, _kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        Ok(Box::new(NoLock))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.image.files.keys().cloned().collect())
    }

    fn create(&self, _name: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.refuse()
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let bytes = self.image.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let (bytes, shared) = (Arc::clone(bytes), Arc::clone(&self.shared));
        Ok(Arc::new(StillFile { name: name.to_owned(), bytes, shared }))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        self.refuse()
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        self.refuse()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.refuse()
    }

    fn writer(&self, _durability: Durability) -> Box<dyn WriteQueue> {
        panic!("a journal that is only looked at has no writer")
    }
}

struct StillFile {
    name: String,
    bytes: Arc<Vec<u8>>,
    shared: Arc<Shared>,
}

impl DiskFile for StillFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).expect("in memory").min(self.bytes.len());
        let count = into.len().min(self.bytes.len() - start);
        into[..count].copy_from_slice(&self.bytes[start..start + count]);
        let end = start + count;
        for patch in self.shared.patches.lock().expect("no panic holds it").iter() {
            let (from, to) = (patch.offset.max(start), (patch.offset + patch.bytes.len()).min(end));
            if patch.file == self.name && from < to {
                let bytes = &patch.bytes[from - patch.offset..to - patch.offset];
                into[from - start..to - start].copy_from_slice(bytes);
            }
        }
        if self.shared.listens.load(Ordering::Relaxed) {
            let read = (self.name.clone(), start, end);
            self.shared.reads.lock().expect("no panic holds it").push(read);
        }
        Ok(count)
    }

    fn write_all_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        self.shared.refuse()
    }

    fn sync(&self) -> io::Result<()> {
        self.shared.refuse()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
