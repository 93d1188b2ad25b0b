//! Verification of every byte, going on behind damage where it can.

mod segment;

use std::sync::Arc;

use segment::SegmentCheck;

use crate::{
    chain::Chain,
    disk::{Access, Disk, LockKind},
    error::Error,
    limits::{BLOCK_BYTES, SEGMENT_BYTES_MIN},
    read::{Chunk, check_successor, read_segment_header},
    record::{Flaw, SegmentHeader, segment_name},
    recover::{Survey, segment_numbers},
    tip::Tip,
};

/// One piece of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Name of the file in the journal's directory.
    pub file: String,
    /// Byte in the file at which the damaged part begins.
    pub offset: u64,
    /// Positions that may be lost by it, from the first to behind the last, where known.
    pub positions: Option<(u64, u64)>,
    /// One of `missing_segment`, `segment_header`, `file_size`, `batch`, `order`, `entry`,
    /// `footer`, `not_zero`, `unknown_format`.
    pub kind: &'static str,
    /// What was found.
    pub what: String,
}

/// What verification saw in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Segments with data.
    pub segments: u64,
    /// Sound entries.
    pub entries: u64,
    /// Sound events.
    pub events: u64,
    /// Position of the last sound event.
    pub last_position: Option<u64>,
    /// Chain of the last sound batch.
    pub chain: Chain,
    /// Bytes behind the last batch that a crash left half-written: no damage.
    pub torn_bytes: u64,
    /// Pieces of damage.
    pub findings: u64,
}

/// Reads every byte of every segment past the page cache, under a shared lock, in bounded
/// memory, and reports each piece of damage as it is found.
///
/// # Errors
/// [`Error::Locked`] while the journal is open for appending; [`Error::Io`] of the disk.
pub fn verify(disk: &Arc<dyn Disk>, on_finding: &mut dyn FnMut(Finding)) -> Result<Summary, Error> {
    let lock = disk.lock(LockKind::Shared).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::Locked,
        _ => Error::from_io("lock the journal", error),
    })?;
    let mut report = Report { on_finding, summary: Summary::nothing() };
    let numbers = segment_numbers(disk.as_ref())?;
    let mut before = Some(None);
    let last = last_with_header(disk.as_ref(), &numbers)?;
    let mut expected = 1;
    for number in numbers {
        if number != expected {
            let what = format!("missing up to the one before {}", segment_name(number));
            report.damage(expected, 0, None, "missing_segment", &what);
            before = None;
        }
        expected = number + 1;
        let ends = last.is_none_or(|last| number >= last);
        before = verify_segment(disk.as_ref(), number, ends, before, &mut report)?;
    }
    if let Some(Some(tip)) = before
        && tip.sealed
        && expected == tip.segment.number + 1
    {
        let what = "missing, yet the segment before is sealed";
        report.damage(expected, 0, None, "missing_segment", what);
    }
    drop(lock);
    Ok(report.summary)
}

/// Where the segment before ended: unknown behind damage, nowhere before the first.
type Before = Option<Option<Tip>>;

fn verify_segment(
    disk: &dyn Disk,
    number: u64,
    ends: bool,
    before: Before,
    report: &mut Report<'_>,
) -> Result<Before, Error> {
    let name = segment_name(number);
    let opened = (disk.open(&name, Access::ReadDirect)).and_then(|file| Ok((file.bytes()?, file)));
    let (bytes, file) = opened.map_err(|error| Error::from_io(format!("open {name}"), error))?;
    let mut chunk = Chunk::new(name, file);
    let short = bytes < BLOCK_BYTES as u64;
    let (header, block) = if short {
        (Err(Flaw::Invalid("file shorter than a segment header")), Chain::ZERO)
    } else {
        read_segment_header(&mut chunk, number)?
    };
    let header = match header {
        Ok(header) => header,
        Err(Flaw::Invalid(_))
            if ends && number > 1 && Survey::is_spare(&mut chunk, number, bytes)? =>
        {
            let sealed = matches!(before, Some(Some(tip)) if tip.sealed);
            if sealed && bytes < SEGMENT_BYTES_MIN {
                let what = "cut short, yet the segment before is sealed";
                report.damage(number, 0, None, "file_size", what);
            }
            return Ok(before);
        }
        Err(Flaw::Invalid(what)) => {
            report.damage(number, 0, None, "segment_header", what);
            return Ok(None);
        }
        Err(Flaw::Unknown(what)) => {
            report.damage(number, 0, None, "unknown_format", what);
            return Ok(None);
        }
    };
    report.summary.segments += 1;
    if bytes != header.file_bytes {
        let what = format!("{bytes} bytes long instead of {}", header.file_bytes);
        report.damage(number, 0, None, "file_size", &what);
    }
    if let Err(what) = check_header(&header, before) {
        report.damage(number, 0, None, "segment_header", what);
    }
    let readable = bytes.min(header.file_bytes) / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
    let header = SegmentHeader { file_bytes: readable.max(BLOCK_BYTES as u64), ..header };
    let check = SegmentCheck::new(chunk, Tip::at_start_of(header, block), ends, report);
    Ok(check.run()?.map(Some))
}

fn check_header(header: &SegmentHeader, before: Before) -> Result<(), &'static str> {
    match before {
        None => Ok(()),
        Some(None) if header.number == 1 => Ok(()),
        Some(None) => Err("a segment behind one without a header"),
        Some(Some(tip)) if tip.sealed => {
            check_successor(header, &tip.segment, &tip.cursor, &tip.sealed_counts())
        }
        Some(Some(_)) => Err("a segment behind one that is not sealed"),
    }
}

/// Number of the last segment that was begun: only its tail can be torn.
fn last_with_header(disk: &dyn Disk, numbers: &[u64]) -> Result<Option<u64>, Error> {
    for &number in numbers.iter().rev().take(2) {
        let name = segment_name(number);
        let opened = (disk.open(&name, Access::Read)).and_then(|file| Ok((file.bytes()?, file)));
        let (bytes, file) =
            opened.map_err(|error| Error::from_io(format!("open {name}"), error))?;
        let mut chunk = Chunk::new(name, file);
        if bytes < BLOCK_BYTES as u64 {
            continue;
        }
        let (header, _) = read_segment_header(&mut chunk, number)?;
        if header.is_ok() || !Survey::is_spare(&mut chunk, number, bytes)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Counts and passes on what is found.
struct Report<'a> {
    on_finding: &'a mut dyn FnMut(Finding),
    summary: Summary,
}

impl Report<'_> {
    fn damage(
        &mut self,
        segment: u64,
        offset: u64,
        positions: Option<(u64, u64)>,
        kind: &'static str,
        what: &str,
    ) {
        self.summary.findings += 1;
        let (file, what) = (segment_name(segment), what.to_owned());
        (self.on_finding)(Finding { file, offset, positions, kind, what });
    }
}

impl Summary {
    fn nothing() -> Summary {
        Summary {
            segments: 0,
            entries: 0,
            events: 0,
            last_position: None,
            chain: Chain::ZERO,
            torn_bytes: 0,
            findings: 0,
        }
    }
}
