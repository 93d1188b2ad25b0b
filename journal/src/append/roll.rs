//! Batches without entries, and the step from a full segment to the next.

use std::sync::Arc;

use super::{
    journal::Journal,
    spare::{Ground, Pace, Spare, commit_file, make_file},
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
    ///
    /// Without room for it, it is put off: until the next segment can be prepared the journal is
    /// open, takes nothing and writes nothing, so a full disk can be reopened for ever. What was
    /// dropped is zeros on the disk by now, and stays so.
    pub(crate) fn fence(&mut self) -> Result<(), Error> {
        assert!(!self.fenced, "an opening has one epoch");
        assert_eq!(self.commit.in_flight(), 0, "recovery has made everything durable");
        let epoch = self.next_epoch();
        if !self.tip.sealed && self.has_room_for(self.opening_bytes()) {
            self.put_system(BatchKind::Opening, epoch)?;
            self.fenced = true;
        } else {
            match self.roll(epoch) {
                Err(error) if error.is_for_want_of_a_segment() => {
                    tracing::warn!(%error, "opened, and commands are refused until there is room");
                    return Ok(());
                }
                rolled => rolled?,
            }
        }
        self.commit.drain()?;
        assert_eq!(self.tip.epoch, epoch, "the fence is what the tip stands behind");
        assert_eq!(self.durable_sequence(), self.tip.cursor.sequence, "the fence is durable");
        Ok(())
    }

    /// Epoch of the next batch: a new one until this opening has its own.
    pub(super) fn next_epoch(&self) -> u64 {
        self.tip.epoch + u64::from(!self.fenced)
    }

    fn opening_bytes(&self) -> usize {
        let used = BATCH_HEADER_BYTES + self.names.stored_bytes() + BATCH_TRAILER_BYTES;
        let bytes = used.next_multiple_of(BLOCK_BYTES);
        assert!(bytes <= OPENING_BYTES_MAX, "any name table fits one opening");
        bytes
    }

    /// Whether a batch without entries fits before the footer.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.tip.room() >= (bytes + FOOTER_BYTES) as u64
    }

    /// Hands a batch that says what is durable to the disk. Its room was kept free.
    pub(super) fn put_mark(&mut self, kind: BatchKind) -> Result<(), Error> {
        assert!(matches!(kind, BatchKind::Watermark | BatchKind::Close), "marks say nothing else");
        assert!(self.fenced, "nothing is written before the fence");
        self.put_system(kind, self.tip.epoch)
    }

    /// Seals the segment and begins the next.
    ///
    /// The order is what recovery relies on: the next file is there before the footer, and the
    /// footer is durable before anything is in the next file. Whatever is in the way of the next
    /// file is found out first, and nothing was written then.
    pub(super) fn roll(&mut self, epoch: u64) -> Result<(), Error> {
        let next = self.spares.ready()?;
        if !self.tip.sealed {
            self.seal(epoch)?;
        }
        self.begin_next(next, epoch)
    }

    fn seal(&mut self, epoch: u64) -> Result<(), Error> {
        self.commit.drain()?;
        self.put_system(BatchKind::Footer, epoch)?;
        self.commit.drain()?;
        assert!(self.tip.sealed, "the footer is durable before the next segment begins");
        assert_eq!(self.durable_sequence(), self.tip.cursor.sequence, "nothing is in flight");
        Ok(())
    }

    fn begin_next(&mut self, next: (Spare, Arc<dyn DiskFile>), epoch: u64) -> Result<(), Error> {
        let (spare, file) = next;
        assert_eq!(self.commit.in_flight(), 0, "the footer is durable");
        let header = self.successor(spare, epoch);
        let mean = self.tip.batch_bytes_mean();
        let ground = Ground::after(mean, &self.options, self.disk.as_ref());
        let begun = write_header(file.as_ref(), &header);
        self.tip = begun.map_err(|error| {
            let what = format!("write {}", segment_name(header.number));
            self.commit.fail(Error::from_io(what, error))
        })?;
        self.file = file;
        assert_eq!(self.tip.cursor.sequence, header.first_sequence, "sequences have no gap");
        let (number, first_position) = (header.number, header.first_position);
        self.commit.durable().add_segment(SegmentStart { number, first_position });
        let bytes = self.options.segment_bytes_after(header.file_bytes);
        self.spares.want(Spare { number: number + 1, bytes }, ground);
        if let Some(wake) = &self.wake {
            wake();
        }
        self.put_system(BatchKind::Opening, epoch)?;
        self.fenced = true;
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
        self.hand_over(buffer, &header);
        Ok(())
    }
}

/// Makes the first segment under another name, so that without its header it is never seen.
pub(crate) fn create_first_segment(
    disk: &dyn Disk,
    durability: Durability,
    header: &SegmentHeader,
    ground: Ground,
) -> Result<(Arc<dyn DiskFile>, Tip), Error> {
    let name = segment_name(header.number);
    assert_eq!(header.number, 1, "later segments are prepared under their own name");
    let fresh = format!("{name}.fresh");
    make_file(disk, header.file_bytes, &fresh, ground, Pace::AtOnce)?;
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

/// Writes a prepared segment's header, durable before anything else is in the segment.
fn write_header(file: &dyn DiskFile, header: &SegmentHeader) -> std::io::Result<Tip> {
    let mut block = AlignedBuffer::new(BLOCK_BYTES);
    header.encode(block.all_mut());
    block.set_filled(BLOCK_BYTES);
    file.write_all_at(0, &block)?;
    Ok(Tip::at_start_of(*header, Chain::of(&block)))
}

const _: () = assert!(BATCH_HEADER_BYTES + 32 + BATCH_TRAILER_BYTES <= FOOTER_BYTES);
