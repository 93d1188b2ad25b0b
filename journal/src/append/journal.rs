//! The journal open for appending, owned by one thread.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    commit::{Committer, Written},
    open::{EventError, OpenBatch, Payload},
    proof::Proof,
    spare::{Ground, Preparer, Spare, Spares},
};
use crate::{
    chain::Chain,
    disk::{AlignedBuffer, Disk, DiskFile, DiskLock},
    durability::Durability,
    error::Error,
    head::{EntryHead, EventHead},
    limits::{BATCH_ROOM_BYTES, BLOCK_BYTES, FOOTER_BYTES, SEAL_BYTES},
    names::Names,
    options::Options,
    read::{Durable, JournalReads, SegmentStart},
    record::{BatchHeader, BatchKind},
    tip::Tip,
};

/// The journal open for appending. One thread owns it; [`reads`](Journal::reads) gives the
/// others what is durable.
///
/// A command is `begin_entry`, any number of `event`, `finish_entry`. `submit` hands all
/// finished entries to the disk as one batch; `complete` says in order what became durable.
/// Dropping it without [`close`](Journal::close) is what a crash does: nothing durable is lost.
pub struct Journal {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: Options,
    pub(super) names: Arc<Names>,
    pub(super) tip: Tip,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) open: OpenBatch,
    pub(super) commit: Committer,
    pub(super) spares: Arc<Spares>,
    pub(super) wake: Option<Box<dyn Fn() + Send>>,
    /// Whether this opening's epoch has begun; until then nothing is written.
    pub(super) fenced: bool,
    /// Highest watermark handed to the disk.
    pub(super) watermark_said: u64,
    /// Time of the newest entry.
    pub(super) time: i64,
    _lock: Box<dyn DiskLock>,
}

/// What recovery hands over: everything at the tip and before is durable.
pub(crate) struct Start {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) names: Names,
    pub(crate) lock: Box<dyn DiskLock>,
    pub(crate) tip: Tip,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) segments: Vec<SegmentStart>,
    /// Whether the segment after the tip's is prepared, and its size.
    pub(crate) spare: Option<Spare>,
}

impl Journal {
    /// Takes over from recovery. Nothing may be appended before [`fence`](Journal::fence).
    pub(crate) fn start(start: Start) -> Journal {
        let Start { disk, options, names, lock, tip, file, segments, spare } = start;
        assert!(tip.cursor.position >= tip.segment.first_position, "recovery ends in the segment");
        assert_eq!(segments.last().map(|last| last.number), Some(tip.segment.number), "the last");
        let durability = options.durability.min(disk.durability());
        assert!(
            disk.keeps() || durability == Durability::Volatile,
            "a disk that keeps nothing promises nothing: let its `durability` be `Volatile`"
        );
        let durable = Arc::new(Durable::new(tip.cursor, segments));
        let queue = disk.writer(options.durability);
        let wanted = Spare {
            number: tip.segment.number + 1,
            bytes: options.segment_bytes_after(tip.segment.file_bytes),
        };
        let made = spare.is_some();
        let spare = spare.unwrap_or(wanted);
        let ground = Ground::after(tip.batch_bytes_mean(), &options, disk.as_ref());
        let spares = Spares::new(disk.clone(), options.durability, spare, ground, made);
        Journal {
            open: OpenBatch::new(names.count()),
            names: Arc::new(names),
            commit: Committer::new(queue, durable, Proof::new(durability), disk.keeps()),
            spares: Arc::new(spares),
            wake: None,
            fenced: false,
            watermark_said: tip.cursor.sequence,
            time: options.time,
            disk,
            options,
            tip,
            file,
            _lock: lock,
        }
    }

    /// Position the next event will have.
    #[inline]
    pub fn next_position(&self) -> u64 {
        let open = self.open.events() + self.open.open_events();
        self.tip.cursor.position + u64::from(open)
    }

    /// Sequence of the batch that is open, or will be once an entry is begun. Once it holds an
    /// entry the sequence stays.
    pub fn next_sequence(&self) -> u64 {
        // A roll puts a footer, unless it is there, and an opening before it.
        let rolls = if self.must_roll() { 1 + u64::from(!self.tip.sealed) } else { 0 };
        self.tip.cursor.sequence + rolls
    }

    /// Every batch with a lower sequence is durable.
    pub fn durable_sequence(&self) -> u64 {
        self.commit.durable().sequence()
    }

    /// Every event below this position is durable.
    pub fn durable_position(&self) -> u64 {
        self.commit.durable().position()
    }

    /// Whether one more entry, as long as one may be, fits the open batch.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.is_empty() || self.open.has_room()
    }

    /// Opens an entry, and a batch for it where none is open. Rolls to the next segment where
    /// this one is full, which waits for all writes in flight.
    ///
    /// # Errors
    /// [`Error::Full`] where the next segment finds no room on the disk, [`Error::NotPrepared`]
    /// where something else is in its way: nothing was written, and the same call may succeed
    /// later. [`Error::Poisoned`] for ever after a failed write.
    ///
    /// # Panics
    /// When the batch has no room or the last entry is still open.
    pub fn begin_entry(&mut self, head: &EntryHead) -> Result<(), Error> {
        self.commit.check()?;
        if self.is_empty() && !self.open.in_entry() {
            self.open_batch()?;
        }
        self.time = self.time.max(head.time);
        self.open.begin_entry(head);
        Ok(())
    }

    /// Adds an event to the open entry, encoded by `encode` straight into the batch.
    ///
    /// # Errors
    /// Nothing of the event remains; the entry stays open with the events before it.
    ///
    /// # Panics
    /// When no entry is open, or a name is not in [`Options::names`].
    #[inline]
    pub fn event<E>(
        &mut self,
        head: &EventHead<'_>,
        encode: impl FnOnce(&mut Payload<'_>) -> Result<(), E>,
    ) -> Result<(), EventError<E>> {
        self.open.event(head, encode)
    }

    /// Ends the open entry; the position behind its last event.
    ///
    /// # Panics
    /// When no entry is open.
    #[inline]
    pub fn finish_entry(&mut self) -> u64 {
        self.open.finish_entry();
        self.next_position()
    }

    /// Removes the open entry with all of its events.
    ///
    /// # Panics
    /// When no entry is open.
    pub fn abandon_entry(&mut self) {
        self.open.abandon_entry();
    }

    /// Finished entries in the open batch.
    #[inline]
    pub fn open_entries(&self) -> u32 {
        self.open.entries()
    }

    /// Whether an entry is begun and not finished.
    pub fn in_entry(&self) -> bool {
        self.open.in_entry()
    }

    /// Whether a write slot is free.
    #[inline]
    pub fn can_submit(&self) -> bool {
        self.commit.can_submit()
    }

    /// Completes the open batch and hands it to the disk; its sequence.
    ///
    /// # Errors
    /// [`Error::Poisoned`] from a failed write on, for ever.
    ///
    /// # Panics
    /// When the batch has no finished entry, an entry is still open, or no write slot is free.
    pub fn submit(&mut self) -> Result<u64, Error> {
        self.commit.check()?;
        assert!(!self.is_empty(), "submit only where open_entries says there are some");
        assert!(self.can_submit(), "call complete until can_submit before submit");
        let watermark = self.commit.durable().sequence();
        let mut header = self.tip.next_header(BatchKind::Data, self.tip.epoch, watermark);
        let length = match self.disk.keeps() {
            true => self.open.seal(&mut header),
            false => self.open.measure(&mut header),
        };
        let bytes = self.open.take_out(length);
        let (sequence, end) = (self.next_sequence(), self.tip.cursor.position);
        self.hand_over(bytes, &header);
        assert_eq!(sequence, header.sequence, "the sequence is the one foretold");
        assert_eq!(self.tip.cursor.position, end + u64::from(header.event_count), "no gap");
        Ok(header.sequence)
    }

    /// Writes an empty batch that says what is durable, where no batch on disk says so yet;
    /// whether it did. Until then the loss of the last batch looks like a torn write: call
    /// it when there is nothing else to write. `false` too while entries are open, whose own
    /// batch will say it, or no slot is free.
    ///
    /// # Errors
    /// [`Error::Poisoned`] from a failed write on, for ever.
    pub fn submit_watermark(&mut self) -> Result<bool, Error> {
        self.commit.check()?;
        let unsaid = self.commit.durable_data() > self.watermark_said;
        if !unsaid || !self.is_empty() || self.open.in_entry() || !self.can_submit() {
            return Ok(false);
        }
        self.put_mark(BatchKind::Watermark)?;
        Ok(true)
    }

    /// The next batch of entries, in order, that has become durable, lent until the next call. With
    /// `wait`, blocks until there is one, or nothing is in flight. Batches without entries are
    /// reaped on the way.
    ///
    /// # Errors
    /// [`Error::Poisoned`] from a failed write on, for ever. What was durable by then and not
    /// reported is reported no more: whoever opens the journal again finds it there.
    pub fn complete(&mut self, wait: bool) -> Result<Option<Written<'_>>, Error> {
        self.commit.complete(wait)
    }

    /// Batches submitted that are not known to be durable: so many write slots are taken. Where
    /// there are none, [`complete`](Journal::complete) may still have batches to report that a roll
    /// has waited for: ask it until it answers `None`.
    pub fn in_flight(&self) -> usize {
        self.commit.in_flight()
    }

    /// Waits for all writes, says durably that they are, and unlocks.
    ///
    /// # Errors
    /// [`Error::Poisoned`] after a failed write: whoever opens the journal again finds what was
    /// durable.
    ///
    /// # Panics
    /// When entries are open: submit or abandon them first.
    pub fn close(mut self) -> Result<(), Error> {
        self.commit.check()?;
        assert!(
            self.is_empty() && !self.open.in_entry(),
            "submit the open batch before close, or its entries are lost"
        );
        self.commit.drain()?;
        if self.fenced && self.has_room_for(BLOCK_BYTES) {
            self.put_mark(BatchKind::Close)?;
            return self.commit.drain();
        }
        // Behind entries there is always room for it: here it would say nothing new.
        assert!(self.commit.durable_data() <= self.watermark_said, "it has been said");
        Ok(())
    }

    /// Opens readers on what is durable, on any thread.
    pub fn reads(&self) -> JournalReads {
        JournalReads::new(self.disk.clone(), self.commit.durable().clone())
    }

    /// Makes segments ahead of need on a thread of its caller. `wake` is called when there is
    /// something to make; call [`Preparer::step`] once at first. Without one, a roll makes the
    /// next segment itself.
    pub fn preparer(&mut self, wake: Box<dyn Fn() + Send>) -> Preparer {
        self.wake = Some(wake);
        Preparer::new(self.spares.clone())
    }

    /// What every journal that was opened has durable: the newest batch, its chain, the proof.
    pub fn durable_end(&self) -> (u64, Chain, Proof) {
        let cursor = self.commit.durable().cursor();
        (cursor.sequence - 1, cursor.chain, self.commit.proof())
    }

    /// The journal's identity, the same in all its segments.
    pub fn journal_id(&self) -> Uuid {
        Uuid::from_bytes(self.tip.segment.journal)
    }

    /// The error every call answers since a write failed.
    pub fn poisoned(&self) -> Option<Error> {
        self.commit.poison().cloned()
    }

    /// Whether it takes entries only once a next segment can be prepared: it was opened without
    /// room for as much as its first batch.
    pub fn awaits_room(&self) -> bool {
        !self.fenced
    }

    /// How often the journal has been opened; this time counts once its first batch is written.
    pub fn epoch(&self) -> u64 {
        self.tip.epoch
    }

    /// Segments written to so far.
    pub fn segment_count(&self) -> u64 {
        self.tip.segment.number
    }

    /// Bytes of batches made durable since it was opened, padding included.
    pub fn bytes_written(&self) -> u64 {
        self.commit.bytes_written()
    }

    fn is_empty(&self) -> bool {
        self.open.entries() == 0
    }

    /// Whether the segment has no room for another batch of entries. Never while one is open.
    fn must_roll(&self) -> bool {
        let open = !self.is_empty() || self.open.in_entry();
        !open && (!self.fenced || self.tip.room() < (BATCH_ROOM_BYTES + SEAL_BYTES) as u64)
    }

    /// Gets a buffer, and a segment with room for any entry.
    fn open_batch(&mut self) -> Result<(), Error> {
        if self.must_roll() {
            self.roll(self.next_epoch())?;
        }
        assert!(self.fenced, "entries follow the fence");
        if !self.open.has_buffer() {
            self.open.lend(self.commit.take_buffer());
        }
        self.open.set_limit(self.tip.room() - SEAL_BYTES as u64);
        assert!(self.can_submit() || self.in_flight() > 0, "a slot is free or becomes so");
        Ok(())
    }

    /// Hands a completed batch to the disk and moves the tip behind it.
    pub(super) fn hand_over(&mut self, bytes: Arc<AlignedBuffer>, header: &BatchHeader) {
        let reserve = if header.kind == BatchKind::Footer { 0 } else { FOOTER_BYTES as u64 };
        assert!(bytes.len() as u64 + reserve <= self.tip.room(), "a segment can always be sealed");
        assert_eq!(self.tip.check(header), Ok(()), "a reader would take it as the next batch");
        assert!(!self.tip.sealed, "nothing follows a footer in its segment");
        let chain = self.commit.submit(&self.file, bytes, header, &self.names);
        self.tip.advance(header, chain);
        self.spares.note_used(self.tip.cursor.offset, self.tip.segment.file_bytes);
        self.watermark_said = header.watermark;
    }
}
