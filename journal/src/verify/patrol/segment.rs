//! Verification of one segment, from batch to batch and across what is damaged between them.

use std::sync::Arc;

use super::Patrol;
use crate::{
    chain::Chain,
    error::Error,
    limits::{BLOCK_BYTES, CHUNK_BYTES},
    names::Names,
    read::{Batch, Chunk, judge_tail, load_batch, load_names},
    record::{BatchHeader, BatchKind, Flaw, Footer, Place, is_zero},
    tip::{Misfit, Tip},
};

/// A place in the segment, and what is known there.
pub(super) struct SegmentCheck<'p, 'a> {
    chunk: Chunk,
    tip: Tip,
    /// Whether the journal may end in this segment, with a torn tail.
    ends: bool,
    /// Whether it is known where the segment began, so that its footer can be held against it.
    counted: bool,
    patrol: &'p mut Patrol<'a>,
}

/// Damage that something sound is looked for behind.
struct Gap {
    kind: &'static str,
    what: &'static str,
    /// What is behind it has at least this sequence.
    sequence_min: u64,
}

impl<'p, 'a> SegmentCheck<'p, 'a> {
    pub(super) fn new(chunk: Chunk, tip: Tip, ends: bool, patrol: &'p mut Patrol<'a>) -> Self {
        SegmentCheck { chunk, tip, ends, counted: true, patrol }
    }

    /// Where the segment ends; `None` where damage hides it.
    pub(super) fn run(mut self) -> Result<Option<Tip>, Error> {
        while !self.tip.sealed && !self.patrol.report.is_stopped() {
            let Err(flaw) = self.step()? else { continue };
            let (kind, what) = match flaw {
                Flaw::Invalid(what) => ("batch", what),
                Flaw::Unknown(what) => ("unknown_format", what),
            };
            if self.ends
                && let Ok(torn) = judge_tail(&mut self.chunk, &self.tip, what)
            {
                self.patrol.report.summary.torn_bytes = torn.bytes;
                return Ok(Some(self.tip));
            }
            let sequence_min = self.tip.cursor.sequence.saturating_add(1);
            if !self.resume(&Gap { kind, what, sequence_min })? {
                return Ok(None);
            }
        }
        if self.tip.sealed {
            self.check_zero_behind_footer()?;
        }
        Ok(self.counted.then_some(self.tip))
    }

    /// The same where block 0 is lost; `counted` says whether what came before is known.
    pub(super) fn run_without_header(
        mut self,
        what: &'static str,
        counted: bool,
    ) -> Result<Option<Tip>, Error> {
        assert_eq!(self.tip.cursor.last, 0, "no batch was read yet");
        self.tip.cursor.offset = 0;
        let sequence_min = self.tip.cursor.sequence;
        if !self.resume(&Gap { kind: "segment_header", what, sequence_min })? {
            return Ok(None);
        }
        let cursor = self.tip.cursor;
        self.counted = counted;
        if !counted && cursor.offset == BLOCK_BYTES as u64 {
            // The first batch is there, and says where the segment begins.
            let segment = &mut self.tip.segment;
            (segment.first_sequence, segment.first_position) = (cursor.sequence, cursor.position);
            segment.first_entry = self.tip.entry;
            self.counted = true;
        }
        self.run()
    }

    /// Verifies the batch at the tip and moves behind it, or says why there is none.
    fn step(&mut self) -> Result<Result<(), Flaw>, Error> {
        let offset = self.tip.cursor.offset;
        let place = self.place(offset);
        if place.room < BLOCK_BYTES as u64 {
            return Ok(Err(Flaw::Invalid("the segment ends without a footer")));
        }
        let end = self.tip.segment.file_bytes;
        let at = self.chunk.load(offset, BLOCK_BYTES, end)?;
        let header = match BatchHeader::read(&self.chunk.buffer()[at..], &place) {
            Ok(header) => header,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let length = header.byte_length as usize;
        let at = self.chunk.load(offset, length, end)?;
        let stored = &self.chunk.buffer()[at..at + length];
        if let Err(flaw) = header.check_body(stored) {
            return Ok(Err(flaw));
        }
        let chain = Chain::of(stored);
        let misfit = match self.tip.check(&header) {
            Ok(()) => None,
            Err(Misfit::Stale) => return Ok(Err(Flaw::Invalid("a batch dropped before"))),
            Err(Misfit::Foreign(what)) => Some(what),
        };
        if let Some(what) = misfit {
            let adopted = adopted(&self.tip, &header);
            if adopted.check(&header).is_err() {
                self.damage(&header, "order", what);
                return Ok(Err(Flaw::Invalid(what)));
            }
            self.tip = adopted;
            self.restore_names(&header)?;
        }
        let at = self.chunk.load(offset, length, end)?;
        assert_eq!(header.offset, offset, "the header is of this place");
        self.take_in(at, header, chain, misfit);
        Ok(Ok(()))
    }

    /// Looks into a sound batch, passes it on and moves behind it.
    fn take_in(
        &mut self,
        at: usize,
        header: BatchHeader,
        chain: Chain,
        misfit: Option<&'static str>,
    ) {
        assert_eq!(header.offset, self.tip.cursor.offset, "the batch is the one at the tip");
        let (names, known) = self.patrol.names_in_force();
        let named = known || header.kind != BatchKind::Data;
        let batch = Batch::new(self.chunk.buffer().clone(), at, header, chain, names);
        self.patrol.report.reached(&batch);
        if let Some(what) = misfit {
            self.damage(&header, "order", what);
        }
        if !named {
            self.damage(&header, "entry", "the names of its entries are lost with their opening");
        }
        self.check_contents(&batch);
        self.tip.advance(&header, chain);
        assert_eq!(self.tip.cursor, batch.cursor_after(), "the batch and the tip agree");
        self.patrol.report.sound(&batch, named);
    }

    fn check_contents(&mut self, batch: &Batch) {
        let header = *batch.header();
        match batch.kind() {
            BatchKind::Data => self.check_entries(batch),
            BatchKind::Opening => match Names::decode(batch.body()) {
                Ok(names) => self.patrol.names = Some((header.epoch, Arc::new(names))),
                Err(what) => {
                    self.patrol.names = None;
                    self.damage(&header, "entry", what);
                }
            },
            BatchKind::Footer
                if self.counted && Footer::decode(batch.body()) != Ok(self.tip.counts()) =>
            {
                self.damage(&header, "footer", "a footer that counts otherwise");
            }
            BatchKind::Watermark | BatchKind::Close if !batch.body().is_empty() => {
                self.damage(&header, "batch", "a batch that should be empty");
            }
            BatchKind::Footer | BatchKind::Watermark | BatchKind::Close => {}
        }
    }

    /// Counts entries and events up to the first that cannot be decoded.
    fn check_entries(&mut self, batch: &Batch) {
        assert_eq!(batch.kind(), BatchKind::Data, "no other batch has entries");
        for entry in batch.entries() {
            let decoded = entry.and_then(|entry| {
                entry.events().try_fold(0, |count, event| event.map(|_| count + 1))
            });
            match decoded {
                Ok(events) => {
                    self.patrol.report.summary.entries += 1;
                    self.patrol.report.summary.events += events;
                }
                Err(error) => {
                    let header = *batch.header();
                    self.damage(&header, "entry", &error.to_string());
                    return;
                }
            }
        }
    }

    /// Reports the gap and goes on at the next sound batch; `false` where there is none.
    fn resume(&mut self, gap: &Gap) -> Result<bool, Error> {
        let cursor = self.tip.cursor;
        self.patrol.report.gap(cursor.segment, cursor.offset, gap.kind, gap.what);
        let Some(header) = self.next_sound(gap.sequence_min)? else { return Ok(false) };
        assert!(header.offset > cursor.offset, "verification gets on behind damage");
        assert!(header.sequence >= gap.sequence_min, "what was verified does not come again");
        self.tip = adopted(&self.tip, &header);
        self.restore_names(&header)?;
        Ok(true)
    }

    /// The first sound batch behind the tip that can belong behind it.
    fn next_sound(&mut self, sequence_min: u64) -> Result<Option<BatchHeader>, Error> {
        let end = self.tip.segment.file_bytes;
        let mut offset = self.tip.cursor.offset + BLOCK_BYTES as u64;
        while offset < end {
            let at = self.chunk.load(offset, BLOCK_BYTES, end)?;
            let looked = BatchHeader::read(&self.chunk.buffer()[at..], &self.place(offset));
            let later = |header: &BatchHeader| {
                header.sequence >= sequence_min && header.epoch >= self.tip.epoch
            };
            if looked.is_ok_and(|header| later(&header))
                && let Some((header, _)) = load_batch(&mut self.chunk, &self.tip.segment, offset)?
            {
                return Ok(Some(header));
            }
            offset += BLOCK_BYTES as u64;
        }
        assert!(offset >= end, "the rest of the segment was looked at");
        Ok(None)
    }

    /// Finds the names in force at a batch behind damage: those of its opening, else those of
    /// another opening of its epoch.
    fn restore_names(&mut self, header: &BatchHeader) -> Result<(), Error> {
        if header.kind == BatchKind::Opening {
            return Ok(());
        }
        assert_eq!(header.segment, self.tip.segment.number, "openings are found in their segment");
        let here = load_names(&mut self.chunk, &self.tip.segment, header.opening)?;
        let held = self.patrol.names.take().filter(|(epoch, _)| *epoch == header.epoch);
        let names = match (here, held) {
            (Some(names), _) | (None, Some((_, names))) => Some(names),
            (None, None) => self.patrol.names_of(header.epoch, header.segment)?,
        };
        self.patrol.names = names.map(|names| (header.epoch, names));
        Ok(())
    }

    fn check_zero_behind_footer(&mut self) -> Result<(), Error> {
        assert!(self.tip.sealed, "only a footer has zeros behind it");
        let end = self.tip.segment.file_bytes;
        let mut offset = self.tip.cursor.offset;
        while offset < end {
            let count = (end - offset).min(CHUNK_BYTES as u64) as usize;
            let at = self.chunk.load(offset, count, end)?;
            let rest = &self.chunk.buffer()[at..at + count];
            if let Some(block) = rest.chunks(BLOCK_BYTES).position(|block| !is_zero(block)) {
                let offset = offset + (block * BLOCK_BYTES) as u64;
                let what = "bytes behind the footer are not zero";
                let segment = self.tip.cursor.segment;
                self.patrol.report.damage(segment, offset, None, "not_zero", what);
                return Ok(());
            }
            offset += count as u64;
        }
        Ok(())
    }

    fn place(&self, offset: u64) -> Place {
        let segment = &self.tip.segment;
        let room = segment.file_bytes - offset;
        Place { segment: segment.number, salt: Some(segment.salt), offset, room }
    }

    fn damage(&mut self, header: &BatchHeader, kind: &'static str, what: &str) {
        let positions = Some((header.first_position, header.end_position()));
        self.patrol.report.damage(header.segment, header.offset, positions, kind, what);
    }
}

/// The tip as this batch says it is: its own word is all there is behind damage.
fn adopted(tip: &Tip, header: &BatchHeader) -> Tip {
    let mut adopted = *tip;
    adopted.cursor.offset = header.offset;
    adopted.cursor.sequence = header.sequence;
    adopted.cursor.position = header.first_position;
    adopted.cursor.chain = header.previous;
    adopted.cursor.opening =
        if header.kind == BatchKind::Opening { header.offset } else { header.opening };
    adopted.epoch = header.epoch;
    adopted.entry = header.first_entry;
    adopted
}
