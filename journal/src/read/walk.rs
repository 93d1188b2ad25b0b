//! The walk from batch to batch, and what a place without one means.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Batch, Chunk, Durable,
    tail::{TornTail, judge_tail},
};
use crate::{
    chain::Chain,
    cursor::Cursor,
    disk::{Access, Disk},
    error::Error,
    limits::{BLOCK_BYTES, SEGMENT_BYTES_MIN, WRITES_IN_FLIGHT_MAX},
    names::Names,
    record::{BatchHeader, BatchKind, Flaw, Footer, Place, SegmentHeader, segment_name},
    tip::{Misfit, Tip, cursor_after},
};

/// How far a walk may go.
pub(crate) enum Bound {
    /// To the end of a journal nobody writes: its last segment, and the bytes of the prepared
    /// one behind it.
    End { last_segment: u64, spare: Option<u64> },
    /// To what the writer has made durable; past the page cache and with pauses, or as fast as can
    /// be.
    Durable(Arc<Durable>, Option<fn()>),
}

/// A reader's place in the journal.
pub(crate) struct Walk {
    disk: Arc<dyn Disk>,
    bound: Bound,
    tip: Tip,
    chunk: Chunk,
    names: Arc<Names>,
    /// Batches below this sequence are known to be durable.
    watermark: u64,
    /// The batches read that are not; kept only where nobody writes.
    unacknowledged: VecDeque<Batch>,
    end: Option<TornTail>,
}

/// What is found at the tip.
enum Here {
    Batch(Batch),
    Nothing(&'static str),
}

impl Walk {
    /// Starts at the first batch of a segment.
    pub(crate) fn from_start_of(
        disk: Arc<dyn Disk>,
        number: u64,
        bound: Bound,
    ) -> Result<Walk, Error> {
        let (chunk, segment, block) = open_segment(disk.as_ref(), number, &bound)?;
        let tip = Tip::at_start_of(segment, block);
        Ok(Walk::new(disk, bound, tip, chunk, Arc::default()))
    }

    /// Starts at a cursor, if the batch before it is the one the cursor was taken behind.
    pub(crate) fn from_cursor(
        disk: Arc<dyn Disk>,
        cursor: Cursor,
        bound: Bound,
    ) -> Result<Walk, Error> {
        let missing = |what: &str| Error::NotInJournal { what: what.to_owned() };
        if !cursor.is_plausible() || !bound.has_segment(cursor.segment) {
            return Err(missing("it names a place that does not exist"));
        }
        let (mut chunk, segment, block) = open_segment(disk.as_ref(), cursor.segment, &bound)?;
        let start = Tip::at_start_of(segment, block);
        if cursor.last == 0 {
            if start.cursor != cursor {
                return Err(missing("its segment begins otherwise"));
            }
            return Ok(Walk::new(disk, bound, start, chunk, Arc::default()));
        }
        let no = |what: &str, at: u64| {
            missing(&format!("{what} at byte {at} of {}", segment_name(cursor.segment)))
        };
        let last = load_batch(&mut chunk, &segment, cursor.last)?;
        let (header, chain) = last.ok_or_else(|| no("no sound batch", cursor.last))?;
        if cursor_after(&header, chain) != cursor {
            return Err(no("another batch", cursor.last));
        }
        let names = load_names(&mut chunk, &segment, cursor.opening)?;
        let names = names.ok_or_else(|| no("no sound opening", cursor.opening))?;
        let sealed = header.kind == BatchKind::Footer;
        let (epoch, entry) = (header.epoch, header.end_entry());
        assert!(cursor.offset <= segment.file_bytes, "lengths are checked with the header");
        let tip = Tip { segment, cursor, epoch, entry, sealed };
        Ok(Walk::new(disk, bound, tip, chunk, names))
    }

    fn new(disk: Arc<dyn Disk>, bound: Bound, tip: Tip, chunk: Chunk, names: Arc<Names>) -> Walk {
        // Segments before the last were durable before it began, and so is what a cursor saw.
        let watermark = tip.cursor.sequence;
        let unacknowledged = VecDeque::new();
        Walk { disk, bound, tip, chunk, names, watermark, unacknowledged, end: None }
    }

    pub(crate) fn tip(&self) -> &Tip {
        &self.tip
    }

    /// Bytes behind the end that a crash left half-written; `None` before the end is reached.
    pub(crate) fn torn_bytes(&self) -> Option<u64> {
        self.end.as_ref().map(|end| end.bytes)
    }

    pub(crate) fn watermark(&self) -> u64 {
        self.watermark
    }

    pub(crate) fn unacknowledged(&self) -> &VecDeque<Batch> {
        &self.unacknowledged
    }

    pub(crate) fn next(&mut self) -> Result<Option<Batch>, Error> {
        let more = match &self.bound {
            Bound::End { .. } => self.end.is_none(),
            Bound::Durable(durable, _) => self.tip.cursor.sequence < durable.sequence(),
        };
        if !more || (self.tip.sealed && !self.enter_next_segment()?) {
            return Ok(None);
        }
        let mut here = self.look()?;
        if let (Here::Nothing(_), Bound::Durable(..)) = (&here, &self.bound) {
            self.read_past_the_cache()?;
            here = self.look()?;
        }
        match here {
            Here::Batch(batch) => {
                self.accept(&batch);
                Ok(Some(batch))
            }
            Here::Nothing(what) => {
                self.end = Some(self.end_here(what)?);
                Ok(None)
            }
        }
    }

    /// A page read ahead before the writer wrote there may be what was read: only the disk's
    /// own word is damage.
    fn read_past_the_cache(&mut self) -> Result<(), Error> {
        let name = segment_name(self.tip.segment.number);
        let opened = self.disk.open(&name, Access::ReadDirect);
        let file = opened.map_err(|error| Error::from_io(format!("open {name}"), error))?;
        self.chunk = Chunk::new(name, file).with_pause(self.bound.pause());
        Ok(())
    }

    /// Reads and verifies what is at the tip. Errors are final: no crash can explain them.
    fn look(&mut self) -> Result<Here, Error> {
        let (offset, end) = (self.tip.cursor.offset, self.readable_end());
        if offset + BLOCK_BYTES as u64 > end {
            return Ok(Here::Nothing("the segment ends without a footer"));
        }
        let place = Place {
            segment: self.tip.segment.number,
            salt: Some(self.tip.segment.salt),
            offset,
            room: end - offset,
        };
        let at = self.chunk.load(offset, BLOCK_BYTES, end)?;
        let header = match BatchHeader::read(&self.chunk.buffer()[at..], &place) {
            Ok(header) => header,
            Err(Flaw::Invalid(what)) => return Ok(Here::Nothing(what)),
            Err(Flaw::Unknown(what)) => return Err(self.unknown(what)),
        };
        let length = header.byte_length as usize;
        let at = self.chunk.load(offset, length, end)?;
        let stored = &self.chunk.buffer()[at..at + length];
        assert_eq!(header.end_offset(), offset + length as u64, "the header is of this place");
        if let Err(Flaw::Invalid(what) | Flaw::Unknown(what)) = header.check_body(stored) {
            return Ok(Here::Nothing(what));
        }
        match self.tip.check(&header) {
            Ok(()) => {}
            Err(Misfit::Stale) => return Ok(Here::Nothing("a batch that was dropped before")),
            Err(Misfit::Foreign(what)) => return Err(self.corrupt(what)),
        }
        let (buffer, chain) = (self.chunk.buffer().clone(), Chain::of(stored));
        let batch = Batch::new(buffer, at, header, chain, self.names.clone());
        self.with_names(batch).map(Here::Batch)
    }

    /// Checks the body of a system batch, and gives an opening the names it brings.
    fn with_names(&self, batch: Batch) -> Result<Batch, Error> {
        match batch.kind() {
            BatchKind::Opening => {
                let names = Names::decode(batch.body()).map_err(|what| self.corrupt(what))?;
                let (buffer, start) = (batch.buffer().clone(), batch.start());
                Ok(Batch::new(buffer, start, *batch.header(), batch.chain(), Arc::new(names)))
            }
            BatchKind::Footer => match Footer::decode(batch.body()) {
                Ok(footer) if footer == self.tip.counts() => Ok(batch),
                Ok(_) => Err(self.corrupt("a footer that counts otherwise")),
                Err(what) => Err(self.corrupt(what)),
            },
            BatchKind::Watermark | BatchKind::Close if !batch.body().is_empty() => {
                Err(self.corrupt("a batch that should be empty"))
            }
            BatchKind::Data | BatchKind::Watermark | BatchKind::Close => Ok(batch),
        }
    }

    fn accept(&mut self, batch: &Batch) {
        self.tip.advance(batch.header(), batch.chain());
        assert_eq!(self.tip.cursor, batch.cursor_after(), "the batch and the tip agree");
        assert!(batch.watermark() <= batch.sequence(), "checked with the header");
        self.names = batch.names().clone();
        if let Bound::Durable(..) = self.bound {
            return;
        }
        self.watermark = self.watermark.max(batch.watermark());
        let known = |batch: &Batch| batch.sequence() < self.watermark;
        while self.unacknowledged.front().is_some_and(known) {
            self.unacknowledged.pop_front();
        }
        self.unacknowledged.push_back(batch.clone());
        let bound = WRITES_IN_FLIGHT_MAX + 1;
        assert!(self.unacknowledged.len() <= bound, "a watermark is never far behind");
    }

    /// Decides what a place without a batch means.
    fn end_here(&mut self, what: &'static str) -> Result<TornTail, Error> {
        match self.bound {
            Bound::End { last_segment, .. } if last_segment == self.tip.segment.number => {
                judge_tail(&mut self.chunk, &self.tip, what)
            }
            Bound::End { .. } | Bound::Durable(..) => Err(self.corrupt(what)),
        }
    }

    /// Goes on behind a footer; `false` where the journal ends with it.
    fn enter_next_segment(&mut self) -> Result<bool, Error> {
        let number = self.tip.segment.number + 1;
        if let Bound::End { last_segment, spare } = self.bound
            && last_segment < number
        {
            // It was whole before the footer was written.
            if spare.is_some_and(|bytes| bytes >= SEGMENT_BYTES_MIN) {
                self.end = Some(TornTail::default());
                return Ok(false);
            }
            let what = "the segment is missing or cut short, yet the one before is sealed";
            return Err(corrupt(number, 0, self.tip.cursor.position, what));
        }
        let (chunk, segment, block) = open_segment(self.disk.as_ref(), number, &self.bound)?;
        check_next_segment(&segment, &self.tip)
            .map_err(|what| corrupt(number, 0, self.tip.cursor.position, what))?;
        assert_eq!(segment.first_sequence, self.tip.cursor.sequence, "sequences have no gap");
        assert_eq!(segment.first_position, self.tip.cursor.position, "positions have no gap");
        self.chunk = chunk;
        self.tip = Tip::at_start_of(segment, block);
        Ok(true)
    }

    /// Byte in the present segment up to which batches may be read.
    fn readable_end(&self) -> u64 {
        let whole = self.tip.segment.file_bytes;
        match &self.bound {
            Bound::End { .. } => whole,
            Bound::Durable(durable, _) => {
                let cursor = durable.cursor();
                if cursor.segment == self.tip.segment.number { cursor.offset } else { whole }
            }
        }
    }

    fn corrupt(&self, what: &str) -> Error {
        let cursor = &self.tip.cursor;
        corrupt(cursor.segment, cursor.offset, cursor.position, what)
    }

    fn unknown(&self, what: &str) -> Error {
        Error::UnknownFormat {
            file: segment_name(self.tip.cursor.segment),
            offset: self.tip.cursor.offset,
            what: what.to_owned(),
        }
    }
}

impl Bound {
    fn pause(&self) -> Option<fn()> {
        match self {
            Bound::End { .. } => None,
            Bound::Durable(_, pause) => *pause,
        }
    }

    fn has_segment(&self, number: u64) -> bool {
        match self {
            Bound::End { last_segment, .. } => number <= *last_segment,
            Bound::Durable(durable, _) => number <= durable.segment_count(),
        }
    }
}

fn corrupt(segment: u64, offset: u64, position: u64, what: &str) -> Error {
    Error::Corrupt { file: segment_name(segment), offset, position, what: what.to_owned() }
}

/// Whether a segment goes on where the one before was seen to end.
pub(crate) fn check_next_segment(next: &SegmentHeader, before: &Tip) -> Result<(), &'static str> {
    check_successor(next, &before.segment, &before.cursor, &before.sealed_counts())?;
    if next.epoch < before.epoch || next.first_entry != before.entry {
        return Err("a segment header of another epoch or entry");
    }
    Ok(())
}

/// Whether a segment header repeats how the segment before ended.
pub(crate) fn check_successor(
    next: &SegmentHeader,
    before: &SegmentHeader,
    behind_footer: &Cursor,
    footer: &Footer,
) -> Result<(), &'static str> {
    if next.journal != before.journal {
        return Err("a segment of another journal");
    }
    let same = next.number == before.number + 1
        && next.previous_footer == behind_footer.last
        && next.previous_chain == behind_footer.chain
        && next.first_sequence == behind_footer.sequence
        && next.first_position == behind_footer.position
        && next.first_entry == before.first_entry.wrapping_add(footer.entries)
        && next.previous == *footer;
    if same { Ok(()) } else { Err("a segment header that does not repeat the footer before") }
}

fn open_segment(
    disk: &dyn Disk,
    number: u64,
    bound: &Bound,
) -> Result<(Chunk, SegmentHeader, Chain), Error> {
    let access = match bound {
        // After a failed sync the page cache lies about the tail.
        Bound::End { last_segment, .. } if *last_segment == number => Access::ReadDirect,
        Bound::Durable(_, Some(_)) => Access::ReadDirect,
        Bound::End { .. } | Bound::Durable(_, None) => Access::Read,
    };
    let name = segment_name(number);
    let file = (disk.open(&name, access))
        .map_err(|error| Error::from_io(format!("open {name}"), error))?;
    let chunk = Chunk::new(name, file).with_pause(bound.pause());
    let mut chunk = match (access, bound) {
        // Beside a writer every write of the journal would wait behind what is read ahead.
        (Access::Read, Bound::Durable(..)) => chunk.cached(),
        (Access::Read, Bound::End { .. }) => chunk.cached().ahead(),
        _ => chunk,
    };
    let (header, chain) = read_segment_header(&mut chunk, number)?;
    match header {
        Ok(header) => Ok((chunk, header, chain)),
        Err(Flaw::Invalid(what)) => Err(corrupt(number, 0, 0, what)),
        Err(Flaw::Unknown(what)) => Err(Error::UnknownFormat {
            file: segment_name(number),
            offset: 0,
            what: what.to_owned(),
        }),
    }
}

/// Block 0 of a segment, decoded, with the chain the first batch must hold.
pub(crate) fn read_segment_header(
    chunk: &mut Chunk,
    number: u64,
) -> Result<(Result<SegmentHeader, Flaw>, Chain), Error> {
    let at = chunk.load(0, BLOCK_BYTES, BLOCK_BYTES as u64)?;
    let block = &chunk.buffer()[at..at + BLOCK_BYTES];
    Ok((SegmentHeader::read(block, number), Chain::of(block)))
}

/// The sound batch at a place, unless there is none.
pub(crate) fn load_batch(
    chunk: &mut Chunk,
    segment: &SegmentHeader,
    offset: u64,
) -> Result<Option<(BatchHeader, Chain)>, Error> {
    let end = segment.file_bytes;
    if offset + BLOCK_BYTES as u64 > end {
        return Ok(None);
    }
    let place =
        Place { segment: segment.number, salt: Some(segment.salt), offset, room: end - offset };
    let at = chunk.load(offset, BLOCK_BYTES, offset + BLOCK_BYTES as u64)?;
    let Ok(header) = BatchHeader::read(&chunk.buffer()[at..], &place) else { return Ok(None) };
    let length = header.byte_length as usize;
    let at = chunk.load(offset, length, offset + length as u64)?;
    let stored = &chunk.buffer()[at..at + length];
    Ok(header.check_body(stored).is_ok().then(|| (header, Chain::of(stored))))
}

/// The names of the opening at a place, unless there is none.
pub(crate) fn load_names(
    chunk: &mut Chunk,
    segment: &SegmentHeader,
    offset: u64,
) -> Result<Option<Arc<Names>>, Error> {
    let Some((header, _)) = load_batch(chunk, segment, offset)? else { return Ok(None) };
    if header.kind != BatchKind::Opening {
        return Ok(None);
    }
    let at = chunk.load(offset, header.byte_length as usize, header.end_offset())?;
    let stored = &chunk.buffer()[at..at + header.byte_length as usize];
    Ok(Names::decode(header.body(stored)).ok().map(Arc::new))
}
