//! The snapshot files in their directory: named, listed, put, read back, thinned out.

use std::io;
use std::sync::Arc;

use hotledger_journal::{Access, AlignedBuffer, BLOCK_BYTES, Disk};

use crate::ease::{self, breathe};
use crate::limits::SNAPSHOTS_KEPT;
use crate::position::Position;
use crate::recover::snapshot;

const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".hl";
const UNFINISHED: &str = "snapshot.unfinished";

/// Written at once, and read at once at ease: a write of the journal that comes waits for no more.
const PIECE_BYTES: usize = 1 << 16;

/// Read at once where somebody waits for it.
const CHUNK_BYTES: usize = 1 << 20;

/// Where the snapshots are kept; by default beside the journal.
#[derive(Clone)]
pub(crate) struct Shelf {
    disk: Arc<dyn Disk>,
}

impl Shelf {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// Positions of all snapshots, newest first.
    pub(crate) fn list(&self) -> io::Result<Vec<Position>> {
        let mut positions: Vec<_> =
            self.disk.list()?.iter().filter_map(|name| position_of(name)).collect();
        positions.sort_unstable_by(|left, right| right.cmp(left));
        Ok(positions)
    }

    /// The newest snapshot, whether it can be trusted or not.
    pub(crate) fn newest(&self) -> Option<Position> {
        self.list().ok()?.first().copied()
    }

    /// The whole file. It is checked by whoever decodes it.
    pub(crate) fn read(&self, position: Position) -> io::Result<Vec<u8>> {
        // What is read through the page cache the kernel reads ahead in megabytes.
        let access = if ease::is_at_ease() { Access::ReadDirect } else { Access::Read };
        self.read_file(&name_of(position), access)
    }

    /// Puts a snapshot on the shelf, durable and proven before it has its name; then thins out.
    ///
    /// Unfinished name → sync → read back past the page cache → rename → sync of the directory: a
    /// crash at any point leaves the older snapshots and at most one unfinished file.
    pub(crate) fn put(&self, position: Position, bytes: &[u8]) -> io::Result<()> {
        self.clear_unfinished()?;
        // A crash may have come before the last thinning, and the next may come before this one:
        // there is never more than one too many.
        self.thin_out(position)?;
        if let Err(error) = self.write_unfinished(bytes) {
            // On a full disk it must not take the room that the journal needs.
            self.clear_unfinished()?;
            return Err(error);
        }
        self.disk.rename(UNFINISHED, &name_of(position))?;
        self.disk.sync_directory()?;
        self.thin_out(position)
    }

    fn write_unfinished(&self, bytes: &[u8]) -> io::Result<()> {
        // Whole blocks go past the page cache: written back from there all at once, they would have
        // every write of the journal wait.
        let (blocks, rest) = bytes.split_at(bytes.len() - bytes.len() % BLOCK_BYTES);
        let file = self.disk.create(UNFINISHED, Access::Fill)?;
        let mut piece = AlignedBuffer::new(PIECE_BYTES);
        for (index, chunk) in blocks.chunks(PIECE_BYTES).enumerate() {
            piece.all_mut()[..chunk.len()].copy_from_slice(chunk);
            file.write_all_at((index * PIECE_BYTES) as u64, &piece.all_mut()[..chunk.len()])?;
            breathe();
        }
        drop(file);
        let file = self.disk.open(UNFINISHED, Access::Write)?;
        file.write_all_at(blocks.len() as u64, rest)?;
        file.sync()?;
        drop(file);
        let stored = self.read_file(UNFINISHED, Access::ReadDirect)?;
        if snapshot::check(&stored).is_err() || !is_same(&stored, bytes) {
            return Err(io::Error::other("the snapshot does not read back as it was written"));
        }
        Ok(())
    }

    fn clear_unfinished(&self) -> io::Result<()> {
        match self.disk.remove(UNFINISHED) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps the newest ones up to this one. What lies ahead of it cannot be of this
    /// journal's history; it is left alone, and does not push out what is.
    fn thin_out(&self, newest: Position) -> io::Result<()> {
        let ours = self.list()?.into_iter().filter(|position| *position <= newest);
        let surplus: Vec<_> = ours.skip(SNAPSHOTS_KEPT).collect();
        for old in &surplus {
            self.disk.remove(&name_of(*old))?;
        }
        if surplus.is_empty() { Ok(()) } else { self.disk.sync_directory() }
    }

    fn read_file(&self, name: &str, access: Access) -> io::Result<Vec<u8>> {
        let file = self.disk.open(name, access)?;
        let length = usize::try_from(file.bytes()?).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        // A length that nobody has the memory for is an unusable snapshot, not the end.
        bytes.try_reserve_exact(length).map_err(io::Error::other)?;
        // Aligned memory and whole blocks, as direct reads want them.
        let at_once = if ease::is_at_ease() { PIECE_BYTES } else { CHUNK_BYTES };
        let chunk_bytes = length.clamp(1, at_once).next_multiple_of(BLOCK_BYTES);
        let mut chunk = AlignedBuffer::new(chunk_bytes);
        while bytes.len() < length {
            let offset = bytes.len() as u64;
            let read = file.read_at(offset, chunk.all_mut())?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&chunk.all_mut()[..read.min(length - bytes.len())]);
            breathe();
        }
        Ok(bytes)
    }
}

const _: () = assert!(PIECE_BYTES.is_multiple_of(BLOCK_BYTES), "direct writes take whole blocks");
const _: () = assert!(CHUNK_BYTES.is_multiple_of(BLOCK_BYTES), "direct reads take whole blocks");

/// Whether they are equal, breathing.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let mut pieces = left.chunks(PIECE_BYTES).zip(right.chunks(PIECE_BYTES));
    left.len() == right.len()
        && pieces.all(|(left, right)| {
            breathe();
            left == right
        })
}

pub(super) fn name_of(position: Position) -> String {
    format!("{PREFIX}{:020}{SUFFIX}", position.events())
}

fn position_of(name: &str) -> Option<Position> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().ok().map(Position::after)).flatten()
}
