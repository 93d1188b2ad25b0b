//! Verification of one segment, from batch to batch and across what is damaged between them.

use std::sync::Arc;

use super::Report;
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
pub(super) struct SegmentCheck<'a, 'b> {
    chunk: Chunk,
    tip: Tip,
    names: Arc<Names>,
    /// Whether the journal may end in this segment, with a torn tail.
    ends: bool,
    report: &'a mut Report<'b>,
}

impl<'a, 'b> SegmentCheck<'a, 'b> {
    pub(super) fn new(chunk: Chunk, tip: Tip, ends: bool, report: &'a mut Report<'b>) -> Self {
        SegmentCheck { chunk, tip, names: Arc::default(), ends, report }
    }

    /// Where the segment ends; `None` where damage hides it.
    pub(super) fn run(mut self) -> Result<Option<Tip>, Error> {
        while !self.tip.sealed {
            let Err(flaw) = self.step()? else { continue };
            let what = match flaw {
                Flaw::Invalid(what) | Flaw::Unknown(what) => what,
            };
            if self.ends
                && let Ok(torn) = judge_tail(&mut self.chunk, &self.tip, what)
            {
                self.report.summary.torn_bytes = torn.bytes;
                return Ok(Some(self.tip));
            }
            if !self.resume(flaw)? {
                return Ok(None);
            }
        }
        self.check_zero_behind_footer()?;
        Ok(Some(self.tip))
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
        match self.tip.check(&header) {
            Ok(()) => {}
            Err(Misfit::Stale) => return Ok(Err(Flaw::Invalid("a batch dropped before"))),
            Err(Misfit::Foreign(what)) => {
                self.damage(&header, "order", what);
                let adopted = adopted(&self.tip, &header);
                if adopted.check(&header).is_err() {
                    return Ok(Err(Flaw::Invalid(what)));
                }
                self.tip = adopted;
            }
        }
        let names = self.names.clone();
        let batch = Batch::new(self.chunk.buffer().clone(), at, header, chain, names);
        self.check_contents(&batch);
        assert_eq!(header.offset, offset, "the header is of this place");
        self.tip.advance(&header, chain);
        self.report.summary.chain = chain;
        Ok(Ok(()))
    }

    fn check_contents(&mut self, batch: &Batch) {
        let header = *batch.header();
        match batch.kind() {
            BatchKind::Data => self.check_entries(batch),
            BatchKind::Opening => match Names::decode(batch.body()) {
                Ok(names) => self.names = Arc::new(names),
                Err(what) => self.damage(&header, "entry", what),
            },
            BatchKind::Footer if Footer::decode(batch.body()) != Ok(self.tip.counts()) => {
                self.damage(&header, "footer", "a footer that counts otherwise");
            }
            BatchKind::Watermark | BatchKind::Close if !batch.body().is_empty() => {
                self.damage(&header, "batch", "a batch that should be empty");
            }
            BatchKind::Footer | BatchKind::Watermark | BatchKind::Close => {}
        }
    }

    fn check_entries(&mut self, batch: &Batch) {
        for entry in batch.entries() {
            let decoded = entry.and_then(|entry| {
                entry.events().try_fold(0, |count, event| event.map(|_| count + 1))
            });
            match decoded {
                Ok(events) => {
                    self.report.summary.entries += 1;
                    self.report.summary.events += events;
                }
                Err(error) => {
                    let header = *batch.header();
                    self.damage(&header, "entry", &error.to_string());
                }
            }
        }
        if let Some(last) = batch.end_position().checked_sub(1) {
            self.report.summary.last_position = Some(last);
        }
    }

    /// Reports the gap and goes on at the next sound batch; `false` where there is none.
    fn resume(&mut self, flaw: Flaw) -> Result<bool, Error> {
        let (kind, what) = match flaw {
            Flaw::Invalid(what) => ("batch", what),
            Flaw::Unknown(what) => ("unknown_format", what),
        };
        let cursor = self.tip.cursor;
        let mut offset = cursor.offset + BLOCK_BYTES as u64;
        let mut found = None;
        while found.is_none() && offset < self.tip.segment.file_bytes {
            let batch = load_batch(&mut self.chunk, &self.tip.segment, offset)?;
            let later = |header: &BatchHeader| {
                header.sequence > cursor.sequence && header.epoch >= self.tip.epoch
            };
            found = batch.map(|(header, _)| header).filter(later);
            offset += BLOCK_BYTES as u64;
        }
        let positions = found.map(|header| (cursor.position, header.first_position));
        self.report.damage(cursor.segment, cursor.offset, positions, kind, what);
        let Some(header) = found else { return Ok(false) };
        assert!(header.offset > cursor.offset, "verification gets on behind damage");
        self.tip = adopted(&self.tip, &header);
        if header.kind != BatchKind::Opening
            && let Some(names) = load_names(&mut self.chunk, &self.tip.segment, header.opening)?
        {
            self.names = names;
        }
        Ok(true)
    }

    fn check_zero_behind_footer(&mut self) -> Result<(), Error> {
        let end = self.tip.segment.file_bytes;
        let mut offset = self.tip.cursor.offset;
        while offset < end {
            let count = (end - offset).min(CHUNK_BYTES as u64) as usize;
            let at = self.chunk.load(offset, count, end)?;
            let rest = &self.chunk.buffer()[at..at + count];
            if let Some(block) = rest.chunks(BLOCK_BYTES).position(|block| !is_zero(block)) {
                let offset = offset + (block * BLOCK_BYTES) as u64;
                let what = "bytes behind the footer are not zero";
                self.report.damage(self.tip.cursor.segment, offset, None, "not_zero", what);
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
        self.report.damage(header.segment, header.offset, positions, kind, what);
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
