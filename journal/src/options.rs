//! How a journal is opened.

use crate::{
    durability::Durability,
    error::Error,
    limits::{BLOCK_BYTES, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN},
};

/// How a journal is opened. The default is `Synced`, segments from 4 MiB doubling to 64 MiB,
/// created where missing.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a written batch survives; the disk may give less, which its proof then says.
    pub durability: Durability,
    /// Names of stream kinds and event types, in the order of their ids. They need not be those
    /// of earlier openings: every opening stores its own table.
    pub names: Vec<String>,
    /// Size of the first segment file, in bytes, whole blocks.
    pub segment_bytes_first: u64,
    /// Size at which segments stop doubling, in bytes, whole blocks.
    pub segment_bytes_max: u64,
    /// Whether segments are filled with zeros ahead of need.
    pub fill: Fill,
    /// Refuse with [`Error::Missing`] where there is no journal, instead of creating one.
    pub must_exist: bool,
    /// Creation time of a first segment, nanoseconds since 1970, 0 where unknown; later segments
    /// carry the time of the newest entry before them.
    pub time: i64,
}

/// Whether segments are filled with zeros ahead of need, or their room is only set aside. It
/// changes how fast is written, never what an answer promises.
///
/// Into zeros a small write in `Synced` is fastest, as the file system has nothing else to note
/// with it. But they are half of all that goes to the disk, which large writes have a better use
/// for. Where a file system cannot set room aside, segments are always filled. A segment that a
/// crash left prepared is used as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// All are. For a thinly provisioned disk too: only what was written has its place there, and
    /// a write that finds none stops the journal.
    Always,
    /// In `Synced`, those whose batches are expected to be small: the ones of each segment, on
    /// average less than 256 KiB or not, decide for the segment after the next.
    #[default]
    ForSmallBatches,
    /// None is. For a file system that never overwrites in place, and for a disk that wears.
    Never,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            durability: Durability::Synced,
            names: Vec::new(),
            segment_bytes_first: 4 << 20,
            segment_bytes_max: 64 << 20,
            fill: Fill::default(),
            must_exist: false,
            time: 0,
        }
    }
}

impl Options {
    /// Checks sizes against the limits.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (first, max) = (self.segment_bytes_first, self.segment_bytes_max);
        let whole = [first, max].iter().all(|bytes| bytes.is_multiple_of(BLOCK_BYTES as u64));
        if whole && SEGMENT_BYTES_MIN <= first && first <= max && max <= SEGMENT_BYTES_MAX {
            return Ok(());
        }
        Err(Error::InvalidOptions {
            what: format!(
                "segments of {first} to {max} bytes: need whole {BLOCK_BYTES}-byte blocks, \
                 {SEGMENT_BYTES_MIN} <= first <= max <= {SEGMENT_BYTES_MAX}"
            ),
        })
    }

    /// Size of the segment after one of `last` bytes.
    pub(crate) fn segment_bytes_after(&self, last: u64) -> u64 {
        let next = (last * 2).clamp(self.segment_bytes_first, self.segment_bytes_max);
        assert!(next.is_multiple_of(BLOCK_BYTES as u64), "checked when the options were taken");
        next
    }
}
