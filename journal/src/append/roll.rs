//! Batches without entries, and the step from a full segment to the next.

use std::sync::Arc;

use super::{
    journal::Journal,
    spare::{Spare, make_file},
};
use crate::{
    chain::Chain,
    disk::{Access, AlignedBuffer, Disk, DiskFile},
    durability::Durability,
    error::Error,
    limits::{
        BATCH_HEADER_BYTES, BATCH_TRAILER_BYTES, BLOCK_BYTES, FOOTER_BYTES, OPENING_BYTES_MAX,
    },
    read::SegmentStart,
    record::{BatchKind, SegmentHeader, segment_name},
    tip::Tip,
};

impl Journal {
    /// Opens a new epoch: nothing that recovery dropped can follow this batch. Returns once it
    /// is durable.
    pub(crate) fn fence(&mut self) -> Result<(), Error> {
        let epoch = self.tip.epoch + 1;
        assert_eq!(self.commit.in_flight(), 0, "recovery has made everything durable");
        if self.tip.sealed {
            let spare = self.ready_spare()?;
            self.begin_next(spare, epoch)?;
        } else if self.tip.room() < (OPENING_BYTES_MAX + FOOTER_BYTES) as u64 {
            // Only the footer is sure to fit: it opens the epoch, and the next segment follows.
            self.roll(epoch)?;
        } else {
            self.put_system(BatchKind::Opening, epoch)?;
        }
        self.commit.drain()?;
        assert_eq!(self.tip.epoch, epoch, "the fence is what the tip stands behind");
        Ok(())
    }

    /// Hands an empty batch to the disk, in the next segment where this one is full.
    pub(super) fn write_system(&mut self, kind: BatchKind) -> Result<(), Error> {
        if self.tip.room() < (BLOCK_BYTES + FOOTER_BYTES) as u64 {
            self.roll(self.tip.epoch)?;
        }
        self.put_system(kind, self.tip.epoch)
    }

    /// Seals the segment and begins the next.
    ///
    /// The order is what recovery relies on: the next file is there before the footer, and the
    /// footer is durable before anything is in the next file. A full disk is found out first.
    pub(super) fn roll(&mut self, epoch: u64) -> Result<(), Error> {
        assert!(!self.tip.sealed, "a segment is sealed once");
        let spare = self.ready_spare()?;
        self.commit.drain()?;
        self.put_system(BatchKind::Footer, epoch)?;
        self.commit.drain()?;
        assert!(self.tip.sealed, "the footer is durable before the next segment begins");
        assert_eq!(self.durable_sequence(), self.tip.cursor.sequence, "nothing is in flight");
        self.begin_next(spare, epoch)
    }

    fn ready_spare(&mut self) -> Result<Spare, Error> {
        // Nothing was written to the journal: whatever keeps the file from being made may pass.
        self.spares.ready().map_err(|error| match error {
            Error::Full { .. } => error,
            other => Error::Full { what: other.to_string() },
        })
    }

    fn begin_next(&mut self, spare: Spare, epoch: u64) -> Result<(), Error> {
        assert_eq!(self.commit.in_flight(), 0, "the footer is durable");
        let header = self.successor(spare, epoch);
        let begun = begin_segment(self.disk.as_ref(), self.options.durability, &header);
        (self.file, self.tip) = begun.map_err(|error| self.commit.fail(error))?;
        assert_eq!(self.tip.cursor.sequence, header.first_sequence, "sequences have no gap");
        let (number, first_position) = (header.number, header.first_position);
        self.commit.durable().add_segment(SegmentStart { number, first_position });
        let bytes = self.options.segment_bytes_after(header.file_bytes);
        self.spares.want(Spare { number: number + 1, bytes });
        if let Some(wake) = &self.wake {
            wake();
        }
        self.put_system(BatchKind::Opening, epoch)?;
        // Whoever saw a free slot before the roll still finds one.
        self.commit.wait_for_slot()
    }

    /// Header of the segment behind the sealed one.
    fn successor(&self, spare: Spare, epoch: u64) -> SegmentHeader {
        assert!(self.tip.sealed, "a segment is sealed before the next begins");
        assert_eq!(spare.number, self.tip.segment.number + 1, "segment numbers have no gap");
        SegmentHeader {
            number: spare.number,
            salt: self.disk.random(),
            journal: self.tip.segment.journal,
            file_bytes: spare.bytes,
            first_sequence: self.tip.cursor.sequence,
            first_position: self.tip.cursor.position,
            first_entry: self.tip.entry,
            epoch,
            created: self.time,
            previous_footer: self.tip.cursor.last,
            previous_chain: self.tip.cursor.chain,
            previous: self.tip.sealed_counts(),
        }
    }

    fn put_system(&mut self, kind: BatchKind, epoch: u64) -> Result<(), Error> {
        assert!(kind != BatchKind::Data, "entries come from the open batch");
        self.commit.wait_for_slot()?;
        let mut buffer = self.commit.take_buffer();
        let inside = Arc::get_mut(&mut buffer).expect("the pool gives out what nobody else has");
        let body = &mut inside.all_mut()[BATCH_HEADER_BYTES..];
        let body_bytes = match kind {
            BatchKind::Opening => self.names.encode(body),
            BatchKind::Footer => {
                let footer = self.tip.counts().encode();
                body[..footer.len()].copy_from_slice(&footer);
                footer.len()
            }
            BatchKind::Data | BatchKind::Watermark | BatchKind::Close => 0,
        };
        let watermark = self.commit.durable().sequence();
        let mut header = self.tip.next_header(kind, epoch, watermark);
        let length = header.seal(inside.all_mut(), BATCH_HEADER_BYTES + body_bytes);
        inside.set_filled(length);
        self.hand_over(buffer, header);
        Ok(())
    }
}

/// Writes a prepared segment's header, durable before anything else is in the segment.
pub(crate) fn begin_segment(
    disk: &dyn Disk,
    durability: Durability,
    header: &SegmentHeader,
) -> Result<(Arc<dyn DiskFile>, Tip), Error> {
    let file = commit_file(disk, durability, header.number)?;
    let tip = write_header(file.as_ref(), header)
        .map_err(|error| Error::from_io(format!("write {}", segment_name(header.number)), error))?;
    Ok((file, tip))
}

/// Makes the first segment under another name, so that without its header it is never seen.
pub(crate) fn create_first_segment(
    disk: &dyn Disk,
    durability: Durability,
    header: &SegmentHeader,
) -> Result<(Arc<dyn DiskFile>, Tip), Error> {
    let name = segment_name(header.number);
    assert_eq!(header.number, 1, "later segments are prepared under their own name");
    let fresh = format!("{name}.fresh");
    make_file(disk, header.file_bytes, &fresh)?;
    let begun = disk.open(&fresh, Access::Commit(durability)).and_then(|file| {
        let tip = write_header(file.as_ref(), header)?;
        file.sync()?;
        disk.rename(&fresh, &name)?;
        disk.sync_directory()?;
        Ok(tip)
    });
    let tip = begun.map_err(|error| Error::from_io(format!("create {name}"), error))?;
    Ok((commit_file(disk, durability, header.number)?, tip))
}

fn write_header(file: &dyn DiskFile, header: &SegmentHeader) -> std::io::Result<Tip> {
    let mut block = AlignedBuffer::new(BLOCK_BYTES);
    header.encode(block.all_mut());
    block.set_filled(BLOCK_BYTES);
    file.write_all_at(0, &block)?;
    Ok(Tip::at_start_of(*header, Chain::of(&block)))
}

/// Opens a segment for journal writes.
pub(crate) fn commit_file(
    disk: &dyn Disk,
    durability: Durability,
    number: u64,
) -> Result<Arc<dyn DiskFile>, Error> {
    let name = segment_name(number);
    disk.open(&name, Access::Commit(durability))
        .map_err(|error| Error::from_io(format!("open {name}"), error))
}

const _: () = assert!(BATCH_HEADER_BYTES + 32 + BATCH_TRAILER_BYTES <= FOOTER_BYTES);
