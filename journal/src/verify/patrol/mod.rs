//! The way from segment to segment, past those that are missing or have lost their header.

mod segment;

use std::{ops::ControlFlow, sync::Arc};

use uuid::Uuid;

use self::segment::SegmentCheck;
use super::{Seen, Summary, report::Report};
use crate::{
    chain::Chain,
    disk::{Access, Disk},
    error::Error,
    limits::{BLOCK_BYTES, CHUNK_BYTES, SEGMENT_BYTES_MIN},
    names::Names,
    read::{Chunk, check_next_segment, load_names, read_segment_header},
    record::{BatchHeader, Flaw, Footer, Place, SegmentHeader, segment_name},
    recover::{Survey, segment_numbers},
    tip::Tip,
};

/// Where the segment before ended: unknown behind damage, nowhere before the first.
type Before = Option<Option<Tip>>;

/// One walk through a directory.
pub(super) struct Patrol<'a> {
    disk: &'a dyn Disk,
    numbers: Vec<u64>,
    /// The last segment that was begun: only its tail can be torn.
    last: Option<u64>,
    journal: Option<[u8; 16]>,
    report: Report<'a>,
    /// The names in force, with the epoch that brought them; `None` where they are lost.
    names: Option<(u64, Arc<Names>)>,
    /// Made when they are first needed.
    stand_ins: Option<Arc<Names>>,
}

impl<'a> Patrol<'a> {
    pub(super) fn begin(
        disk: &'a dyn Disk,
        see: &'a mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Result<Patrol<'a>, Error> {
        let numbers = segment_numbers(disk)?;
        assert!(numbers.is_sorted(), "segments are gone through in order");
        let last = last_begun(disk, &numbers)?;
        let journal = first_identity(disk, &numbers)?;
        let report = Report::new(journal.map(Uuid::from_bytes), see);
        Ok(Patrol { disk, numbers, last, journal, report, names: None, stand_ins: None })
    }

    pub(super) fn walk(mut self) -> Result<Summary, Error> {
        let mut before: Before = Some(None);
        let mut expected = 1;
        for number in self.numbers.clone() {
            assert!(number >= expected, "every number is there once");
            if number != expected {
                let what = format!("missing up to the one before {}", segment_name(number));
                self.report.gap(expected, 0, "missing_segment", &what);
                before = None;
            }
            expected = number + 1;
            before = self.segment(number, before)?;
            if self.report.is_stopped() {
                return Ok(self.report.finish());
            }
        }
        if let Some(Some(tip)) = before
            && tip.sealed
            && expected == tip.segment.number + 1
        {
            let what = "missing, yet the segment before is sealed";
            self.report.gap(expected, 0, "missing_segment", what);
        }
        Ok(self.report.finish())
    }

    fn segment(&mut self, number: u64, before: Before) -> Result<Before, Error> {
        let may_be_spare = self.last.is_some_and(|last| number > last);
        let (mut chunk, bytes) = open(self.disk, number, Access::ReadDirect)?;
        let (header, block) = if bytes < BLOCK_BYTES as u64 {
            (Err(Flaw::Invalid("file shorter than a segment header")), Chain::ZERO)
        } else {
            read_segment_header(&mut chunk, number)?
        };
        match header {
            Ok(header) => self.with_header(chunk, bytes, header, block, before),
            Err(Flaw::Unknown(what)) => {
                self.report.gap(number, 0, "unknown_format", what);
                Ok(None)
            }
            Err(Flaw::Invalid(_)) if may_be_spare && Survey::is_spare(&mut chunk, bytes)? => {
                let sealed = matches!(before, Some(Some(tip)) if tip.sealed);
                if sealed && bytes < SEGMENT_BYTES_MIN {
                    let what = "cut short, yet the segment before is sealed";
                    self.report.gap(number, 0, "file_size", what);
                }
                if !Survey::is_zero_spare(&mut chunk, bytes)? {
                    self.report.damage(number, 0, None, "not_zero", "a spare with bytes in it");
                }
                Ok(before)
            }
            Err(Flaw::Invalid(what)) => self.without_header(chunk, bytes, number, before, what),
        }
    }

    fn with_header(
        &mut self,
        chunk: Chunk,
        bytes: u64,
        header: SegmentHeader,
        block: Chain,
        before: Before,
    ) -> Result<Before, Error> {
        let (number, file_bytes) = (header.number, header.file_bytes);
        self.report.summary.segments += 1;
        let size = format!("{bytes} bytes long instead of {file_bytes}");
        if bytes > file_bytes {
            self.report.damage(number, 0, None, "file_size", &size);
        }
        if let Err(what) = check_header(&header, before) {
            self.report.damage(number, 0, None, "segment_header", what);
        }
        let readable = bytes.min(file_bytes) / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
        assert!(readable <= bytes, "nothing is read behind the end of the file");
        let header = SegmentHeader { file_bytes: readable.max(BLOCK_BYTES as u64), ..header };
        let ends = self.last.is_none_or(|last| number >= last);
        let tip = Tip::at_start_of(header, block);
        let end = SegmentCheck::new(chunk, tip, ends, self).run()?;
        assert!(end.is_none_or(|tip| tip.segment.number == number), "it ends where it began");
        if bytes < file_bytes {
            // What was cut off lay behind everything that is left.
            self.report.gap(number, bytes, "file_size", &size);
        }
        Ok(end.map(Some))
    }

    /// Goes through a segment whose batches alone say what it is.
    fn without_header(
        &mut self,
        mut chunk: Chunk,
        bytes: u64,
        number: u64,
        before: Before,
        what: &'static str,
    ) -> Result<Before, Error> {
        let file_bytes = bytes / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
        let Some(salt) = salt_of(&mut chunk, number, file_bytes)? else {
            self.report.gap(number, 0, "segment_header", what);
            return Ok(None);
        };
        assert!(file_bytes > BLOCK_BYTES as u64, "the batch lies behind block 0");
        self.report.summary.segments += 1;
        let before = match before {
            Some(Some(tip)) if tip.sealed => Some(tip),
            _ => None,
        };
        let segment = SegmentHeader {
            number,
            salt,
            journal: self.journal.unwrap_or_default(),
            file_bytes,
            first_sequence: before.map_or(0, |tip| tip.cursor.sequence),
            first_position: before.map_or(0, |tip| tip.cursor.position),
            first_entry: before.map_or(0, |tip| tip.entry),
            epoch: before.map_or(0, |tip| tip.epoch),
            created: 0,
            previous_footer: before.map_or(0, |tip| tip.cursor.last),
            previous_chain: before.map_or(Chain::ZERO, |tip| tip.cursor.chain),
            previous: before.map_or(Footer::default(), |tip| tip.sealed_counts()),
        };
        let ends = self.last.is_none_or(|last| number >= last);
        let tip = Tip::at_start_of(segment, Chain::ZERO);
        let counted = before.is_some() || number == 1;
        let check = SegmentCheck::new(chunk, tip, ends, self);
        Ok(check.run_without_header(what, counted)?.map(Some))
    }

    /// The names in force, and whether they are the true ones.
    fn names_in_force(&mut self) -> (Arc<Names>, bool) {
        match &self.names {
            Some((_, names)) => (names.clone(), true),
            None => {
                let made = self.stand_ins.get_or_insert_with(|| Arc::new(Names::stand_ins()));
                (made.clone(), false)
            }
        }
    }

    /// The names that an epoch began with, as the first opening of a later segment repeats them:
    /// all openings of one epoch bring the same.
    fn names_of(&self, epoch: u64, after: u64) -> Result<Option<Arc<Names>>, Error> {
        for &number in self.numbers.iter().filter(|number| **number > after) {
            let (mut chunk, bytes) = open(self.disk, number, Access::Read)?;
            if bytes < 2 * BLOCK_BYTES as u64 {
                continue;
            }
            let (Ok(header), _) = read_segment_header(&mut chunk, number)? else { continue };
            if header.epoch > epoch {
                break;
            }
            let file_bytes = bytes / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
            let header = SegmentHeader { file_bytes, ..header };
            if header.epoch == epoch
                && let Some(names) = load_names(&mut chunk, &header, BLOCK_BYTES as u64)?
            {
                return Ok(Some(names));
            }
        }
        Ok(None)
    }
}

fn open(disk: &dyn Disk, number: u64, access: Access) -> Result<(Chunk, u64), Error> {
    let name = segment_name(number);
    let opened = (disk.open(&name, access)).and_then(|file| Ok((file.bytes()?, file)));
    let (bytes, file) = opened.map_err(|error| Error::from_io(format!("open {name}"), error))?;
    Ok((Chunk::new(name, file), bytes))
}

fn check_header(header: &SegmentHeader, before: Before) -> Result<(), &'static str> {
    match before {
        None => Ok(()),
        Some(None) if header.number == 1 => Ok(()),
        Some(None) => Err("a segment behind one without a header"),
        Some(Some(tip)) if tip.sealed => check_next_segment(header, &tip),
        Some(Some(_)) => Err("a segment behind one that is not sealed"),
    }
}

/// The last file, or the one before: only one can be a spare.
fn last_begun(disk: &dyn Disk, numbers: &[u64]) -> Result<Option<u64>, Error> {
    let Some((&number, before)) = numbers.split_last() else { return Ok(None) };
    let (mut chunk, bytes) = open(disk, number, Access::Read)?;
    let begun = bytes >= BLOCK_BYTES as u64 && {
        let (header, _) = read_segment_header(&mut chunk, number)?;
        header.is_ok() || !Survey::is_spare(&mut chunk, bytes)?
    };
    Ok(if begun { Some(number) } else { before.last().copied() })
}

/// The journal that the first sound header belongs to.
pub(super) fn first_identity(disk: &dyn Disk, numbers: &[u64]) -> Result<Option<[u8; 16]>, Error> {
    for &number in numbers {
        let (mut chunk, bytes) = open(disk, number, Access::Read)?;
        if bytes >= BLOCK_BYTES as u64
            && let (Ok(header), _) = read_segment_header(&mut chunk, number)?
        {
            return Ok(Some(header.journal));
        }
    }
    Ok(None)
}

/// The salt of a segment without a header, by the first batch that is sound under its own.
fn salt_of(chunk: &mut Chunk, number: u64, end: u64) -> Result<Option<[u8; 16]>, Error> {
    let mut offset = BLOCK_BYTES as u64;
    while offset < end {
        let count = (end - offset).min(CHUNK_BYTES as u64) as usize;
        let at = chunk.load(offset, count, end)?;
        for block in chunk.buffer()[at..at + count].chunks(BLOCK_BYTES) {
            let place = Place { segment: number, salt: None, offset, room: end - offset };
            if let Ok(header) = BatchHeader::read(block, &place) {
                return Ok(Some(header.salt));
            }
            offset += BLOCK_BYTES as u64;
        }
    }
    assert!(offset >= end, "the whole file was looked at");
    Ok(None)
}
