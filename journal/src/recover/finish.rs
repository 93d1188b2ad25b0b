//! The end of a recovery: what survived is made durable, the rest is wiped, a new epoch begins.

use std::sync::Arc;

use super::{OpenReport, Recovery};
use crate::{
    append::{
        Ground, Journal, Pace, Spare, Start, commit_file, create_first_segment, replace_spare,
        write_zeros,
    },
    chain::Chain,
    disk::{Access, AlignedBuffer, DiskFile, LockKind},
    durability::Durability,
    error::Error,
    limits::{BLOCK_BYTES, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN},
    read::{Batch, Reader, SegmentStart, Walk},
    record::{Footer, SegmentHeader, segment_name},
    tip::Tip,
};

impl Recovery {
    /// Opens the journal for appending behind what the reader has read.
    ///
    /// Batches that a crash may have left in the page cache only are written again, torn bytes
    /// behind them are wiped, and an opening of a new epoch is made durable: what was dropped
    /// now cannot come back. Killed at any point, the next recovery finds the same journal.
    ///
    /// On a disk without room for that opening the journal is opened all the same, and takes
    /// entries once there is room: see [`Journal::awaits_room`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the journal's epoch is the last there is, before anything is
    /// written; [`Error::Io`] of the disk, after which it is as if the process had been killed.
    ///
    /// # Panics
    /// When the reader has not reached the end, or the recovery is for reading only.
    pub fn finish(self, reader: Reader) -> Result<(Journal, OpenReport), Error> {
        assert!(
            self.kind == LockKind::Exclusive,
            "call Recovery::begin, not begin_read_only, for a journal to append to"
        );
        let created = self.is_new();
        let durability = self.options.durability;
        let mut segments = self.survey.segments.clone();
        let (file, tip, torn_bytes, rewritten_batches) = match reader.into_walk() {
            None => {
                assert!(created, "read the journal with a reader of this recovery, then finish");
                let (file, tip) = self.create()?;
                segments.push(SegmentStart { number: 1, first_position: 0 });
                (file, tip, 0, 0)
            }
            Some(walk) => {
                let torn_bytes = walk.torn_bytes().expect("read until None before finish");
                assert_eq!(Some(walk.tip().segment), self.survey.last, "a reader of this journal");
                check_epoch(walk.tip())?;
                let file = commit_file(self.disk.as_ref(), durability, walk.tip().segment.number)?;
                self.sync_segments()?;
                let rewritten = rewrite_unacknowledged(file.as_ref(), &walk)?;
                wipe(file.as_ref(), walk.tip(), torn_bytes)?;
                (file, *walk.tip(), torn_bytes, rewritten)
            }
        };
        assert!(!tip.sealed || self.survey.spare.is_some(), "the walk checked for a successor");
        let spare = if created { None } else { self.take_spare(&tip)? };
        let Recovery { disk, options, names, lock, .. } = self;
        let start = Start { disk, options, names, lock, tip, file, segments, spare };
        let mut journal = Journal::start(start);
        journal.fence().map_err(|error| match error {
            Error::Poisoned(cause) => Error::clone(&cause),
            other => other,
        })?;
        assert_eq!(journal.next_position(), tip.cursor.position, "a fence holds no events");
        let epoch = tip.epoch + u64::from(!journal.awaits_room());
        assert_eq!(journal.epoch(), epoch, "every opening that writes is an epoch of its own");
        assert_eq!(journal.in_flight(), 0, "the fence is durable");
        let report = OpenReport {
            created,
            segments: journal.segment_count(),
            torn_bytes,
            rewritten_batches,
            epoch: journal.epoch(),
            next_position: journal.next_position(),
        };
        Ok((journal, report))
    }

    /// Makes the first segment.
    fn create(&self) -> Result<(Arc<dyn DiskFile>, Tip), Error> {
        let header = SegmentHeader {
            number: 1,
            salt: self.disk.random(),
            journal: self.disk.random(),
            file_bytes: self.options.segment_bytes_first,
            first_sequence: 0,
            first_position: 0,
            first_entry: 0,
            epoch: 0,
            created: self.options.time,
            previous_footer: 0,
            previous_chain: Chain::ZERO,
            previous: Footer::default(),
        };
        let ground = Ground::after(0, &self.options, self.disk.as_ref());
        create_first_segment(self.disk.as_ref(), self.options.durability, &header, ground)
    }

    /// What a process that did not sync left in the page cache is made durable; a file a crash
    /// left unnamed on the disk gets its name.
    fn sync_segments(&self) -> Result<(), Error> {
        if self.options.durability != Durability::Synced {
            return Ok(());
        }
        for segment in &self.survey.segments {
            let name = segment_name(segment.number);
            let synced = self.disk.open(&name, Access::Write).and_then(|file| file.sync());
            synced.map_err(|error| Error::from_io(format!("sync {name}"), error))?;
        }
        let synced = self.disk.sync_directory();
        synced.map_err(|error| Error::from_io("sync the directory", error))
    }

    /// The spare as a crash left it, if it is whole; otherwise it is removed and made anew when
    /// it is needed.
    fn take_spare(&self, tip: &Tip) -> Result<Option<Spare>, Error> {
        let Some(found) = self.survey.spare else { return Ok(None) };
        assert_eq!(found.number, tip.segment.number + 1, "the spare follows the last segment");
        let name = segment_name(found.number);
        let bytes = self.options.segment_bytes_after(tip.segment.file_bytes);
        let fits = found.bytes.is_multiple_of(BLOCK_BYTES as u64)
            && (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&found.bytes);
        // A sealed segment must never be seen without its successor, and a full disk has no room
        // for another: whatever its size and its bytes, this file is the one.
        if found.zero && found.bytes == bytes || tip.sealed && fits {
            let synced = self.disk.open(&name, Access::Write).and_then(|file| {
                if !found.zero {
                    write_zeros(file.as_ref(), 0, found.bytes, Pace::AtOnce)?;
                }
                file.sync()?;
                self.disk.sync_directory()
            });
            synced.map_err(|error| Error::from_io(format!("sync {name}"), error))?;
            return Ok(Some(Spare { number: found.number, bytes: found.bytes }));
        }
        if tip.sealed {
            let spare = Spare { number: found.number, bytes };
            let mean = tip.batch_bytes_mean();
            let ground = Ground::after(mean, &self.options, self.disk.as_ref());
            return replace_spare(self.disk.as_ref(), spare, ground).map(Some);
        }
        let removed = self.disk.remove(&name).and_then(|()| self.disk.sync_directory());
        removed.map_err(|error| Error::from_io(format!("remove {name}"), error))?;
        Ok(None)
    }
}

/// Whether there is an epoch left to open. Nobody opens a journal so often: only a forger's
/// checksums are right over such a number.
fn check_epoch(tip: &Tip) -> Result<(), Error> {
    if tip.epoch < u64::MAX {
        return Ok(());
    }
    Err(Error::Corrupt {
        file: segment_name(tip.segment.number),
        offset: tip.cursor.last,
        position: tip.cursor.position,
        what: "its epoch is the last there is".to_owned(),
    })
}

/// Writes what was read but not known to be durable, the same bytes to the same place: after
/// a failed sync the page cache shows bytes that the disk does not hold, and syncing again
/// would not help.
fn rewrite_unacknowledged(file: &dyn DiskFile, walk: &Walk) -> Result<u64, Error> {
    let segment = &walk.tip().segment;
    let failed = |error| Error::from_io(format!("write {}", segment_name(segment.number)), error);
    if walk.watermark() <= segment.first_sequence {
        let mut block = AlignedBuffer::new(BLOCK_BYTES);
        segment.encode(block.all_mut());
        file.write_all_at(0, block.all_mut()).map_err(failed)?;
    }
    let here = |batch: &&Batch| batch.segment() == segment.number;
    let mut rewritten = 0;
    for batch in walk.unacknowledged().iter().filter(here) {
        assert!(batch.sequence() >= walk.watermark(), "acknowledged bytes are never written again");
        let end = batch.offset() + batch.stored_bytes();
        assert!(end <= walk.tip().cursor.offset, "only what was read is written again");
        file.write_all_at(batch.offset(), batch.stored()).map_err(failed)?;
        rewritten += 1;
    }
    Ok(rewritten)
}

/// Zeroes what was dropped.
fn wipe(file: &dyn DiskFile, tip: &Tip, torn_bytes: u64) -> Result<(), Error> {
    assert!(torn_bytes <= tip.room(), "only the rest of the segment can be torn");
    assert!(torn_bytes.is_multiple_of(BLOCK_BYTES as u64), "whole blocks are wiped");
    write_zeros(file, tip.cursor.offset, torn_bytes, Pace::AtOnce).map_err(|error| {
        Error::from_io(format!("wipe {}", segment_name(tip.segment.number)), error)
    })
}
