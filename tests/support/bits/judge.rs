//! What a recovery makes of a damaged image, and what it must make of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hotledger::Disk;
use hotledger_journal::verify::{Finding, Summary, verify};
use hotledger_journal::{Batch, BatchKind, Cursor, Error, Options, Reader, Recovery};

use super::image::{Image, Patch, StillDisk};

pub(crate) const BLOCK: usize = 4096;

pub(crate) fn segment(number: u64) -> String {
    format!("segment-{number:010}.hl")
}

/// What came of reading everything. The numbers are indices of batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every entry is there as it was.
    Whole,
    /// The entries before this batch, and then without a word no more.
    Short(usize),
    /// In this batch something that nobody wrote.
    Other(usize),
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) file: String,
    pub(crate) offset: u64,
    pub(crate) position: u64,
    pub(crate) what: String,
    pub(crate) unknown_format: bool,
}

impl Refusal {
    pub(crate) fn of(error: Error) -> Refusal {
        match error {
            Error::Corrupt { file, offset, position, what } => {
                Refusal { file, offset, position, what, unknown_format: false }
            }
            Error::UnknownFormat { file, offset, what } => {
                Refusal { file, offset, position: 0, what, unknown_format: true }
            }
            other => panic!("damage is corruption or an unknown format, not: {other}"),
        }
    }
}

/// What damage in one place must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Refused {
        offset: u64,
        position_max: u64,
    },
    /// Refused, or what was written all the same: nothing rests on it.
    Whole,
    /// Nothing says that this batch was there: it goes like a torn one.
    Short(usize),
}

/// A sound image with everything that is known of it.
pub(crate) struct Judge {
    pub(crate) image: Image,
    pub(crate) batches: Vec<Batch>,
    pub(crate) disk: Arc<StillDisk>,
    survey: Recovery,
    /// What a survey of the sound image reads: damage elsewhere cannot change its outcome.
    surveyed: Vec<(String, usize, usize)>,
}

/// Where in the journal a byte of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// In the header of a segment, whose first batch this is.
    Header(usize),
    Batch(usize),
    /// Behind the last batch of a segment, which is the one before this.
    Behind(usize),
    Spare,
}

fn begin(disk: &Arc<StillDisk>) -> Result<Recovery, Error> {
    let options = Options { must_exist: true, ..Options::default() };
    Recovery::begin(Arc::clone(disk) as Arc<dyn Disk>, options)
}

impl Judge {
    pub(crate) fn of(image: Image) -> Judge {
        let disk = StillDisk::new(image.clone());
        let mut survey = None;
        let surveyed = disk.reads_of(|| survey = Some(begin(&disk).expect("a sound image")));
        let survey = survey.expect("just made");
        let mut reader = survey.reader_at(None).expect("a sound image");
        let mut batches = Vec::new();
        while let Some(batch) = reader.next().expect("a sound image") {
            for entry in batch.entries() {
                entry.expect("sound").events().for_each(|event| assert!(event.is_ok()));
            }
            batches.push(batch);
        }
        Judge { image, batches, disk, survey, surveyed }
    }

    /// What the same journal comes to with other files in place of its own.
    pub(crate) fn elsewhere(&self, image: Image) -> Elsewhere<'_> {
        Elsewhere { sound: self, disk: StillDisk::new(image) }
    }

    /// All the way: a recovery of its own, read from the first batch to the end.
    pub(crate) fn wholly(&self, patches: Vec<Patch>) -> Verdict {
        look(&self.disk, patches, || self.read_all(&self.disk))
    }

    fn read_all(&self, disk: &Arc<StillDisk>) -> Result<Verdict, Error> {
        let recovery = begin(disk)?;
        self.follow(recovery.reader_at(None)?, 0, usize::MAX)
    }

    /// The same by a shorter way. What a reader hands out before the damage cannot depend on it,
    /// so it is read from the batch before the damage to the batch behind, where what comes next
    /// is as before; and a survey is made anew only where one reads what is damaged.
    pub(crate) fn shortly(&self, patches: Vec<Patch>) -> Verdict {
        let surveyed = patches.iter().any(|patch| self.is_surveyed(patch));
        let (mut from, mut last) = (self.batches.len(), 0);
        for patch in &patches {
            let end = patch.offset + patch.bytes.len() - 1;
            for (offset, is_start) in [(patch.offset, true), (end, false)] {
                let at = match self.spot(&patch.file, offset) {
                    Spot::Header(at) | Spot::Batch(at) => at,
                    // The footer is read again, and what is found behind it.
                    Spot::Behind(at) if at < self.batches.len() && is_start => at - 1,
                    Spot::Behind(at) => at,
                    Spot::Spare => self.batches.len(),
                };
                (from, last) = (from.min(at), last.max(at));
            }
        }
        look(&self.disk, patches, || {
            let cursor = self.cursor(from);
            let reader = match surveyed {
                true => begin(&self.disk)?.reader_at(cursor)?,
                false => self.survey.reader_at(cursor)?,
            };
            self.follow(reader, from, last)
        })
    }

    /// Holds what the reader hands out, from the batch `at` on, against what was written, until
    /// the batch after `last` shows that it goes on as before.
    fn follow(&self, mut reader: Reader, mut at: usize, last: usize) -> Result<Verdict, Error> {
        while let Some(batch) = reader.next()? {
            let same = self.batches.get(at).is_some_and(|known| {
                known.stored() == batch.stored() && known.names() == batch.names()
            });
            if !same {
                return Ok(Verdict::Other(at));
            }
            at += 1;
            if at > last.saturating_add(1) {
                return Ok(Verdict::Whole);
            }
        }
        Ok(self.without(at))
    }

    /// The verdict when the batches from this one on are not handed out.
    fn without(&self, first: usize) -> Verdict {
        let mut lost = self.batches.iter().enumerate().skip(first);
        let lost = lost.find(|(_, batch)| batch.kind() == BatchKind::Data);
        lost.map_or(Verdict::Whole, |(at, _)| Verdict::Short(at))
    }

    fn is_surveyed(&self, patch: &Patch) -> bool {
        let (from, to) = (patch.offset, patch.offset + patch.bytes.len());
        let mut surveyed = self.surveyed.iter();
        surveyed.any(|(file, start, end)| *file == patch.file && from < *end && *start < to)
    }

    /// Where this batch begins.
    fn cursor(&self, at: usize) -> Option<Cursor> {
        at.checked_sub(1).map(|before| self.batches[before].cursor_after())
    }

    pub(crate) fn spot(&self, file: &str, offset: usize) -> Spot {
        let number = file.strip_prefix("segment-").and_then(|name| name.strip_suffix(".hl"));
        let number: u64 = number.expect("a segment").parse().expect("its number");
        let first = self.batches.partition_point(|batch| batch.segment() < number);
        let behind = self.batches.partition_point(|batch| batch.segment() <= number);
        if first == behind {
            return Spot::Spare;
        }
        if offset < BLOCK {
            return Spot::Header(first);
        }
        let at = first
            + self.batches[first..behind]
                .partition_point(|batch| batch.offset() + batch.stored_bytes() <= offset as u64);
        if at < behind { Spot::Batch(at) } else { Spot::Behind(behind) }
    }

    /// What a flipped bit in this byte must lead to. Where nothing proves a batch, what is there is
    /// still whole sectors, zero or as they were written, and a flip leaves one that is neither.
    pub(crate) fn due(&self, file: &str, offset: usize) -> Due {
        match self.spot(file, offset) {
            Spot::Batch(at) if !self.is_proven(at) && !has_zero_sector(&self.batches[at]) => {
                let (batch, position_max) = (&self.batches[at], self.batches[at].first_position());
                Due::Refused { offset: batch.offset(), position_max }
            }
            Spot::Behind(at) if at == self.batches.len() => {
                let last = self.batches.last().expect("a journal has batches");
                let end = last.offset() + last.stored_bytes();
                if offset as u64 - end >= SECTOR {
                    return Due::Whole;
                }
                Due::Refused { offset: end, position_max: last.end_position() }
            }
            _ => self.due_of_block(file, offset),
        }
    }

    /// What must come of the loss of the whole block that this byte is in.
    pub(crate) fn due_of_block(&self, file: &str, offset: usize) -> Due {
        match self.spot(file, offset) {
            Spot::Header(at) => {
                Due::Refused { offset: 0, position_max: self.batches[at].first_position() }
            }
            Spot::Batch(at) if self.is_proven(at) => Due::Refused {
                offset: self.batches[at].offset(),
                position_max: self.batches[at].first_position(),
            },
            Spot::Batch(at) => match self.without(at) {
                Verdict::Short(at) => Due::Short(at),
                _ => Due::Whole,
            },
            Spot::Behind(_) | Spot::Spare => Due::Whole,
        }
    }

    /// Whether a later batch says that this one was durable.
    pub(crate) fn is_proven(&self, at: usize) -> bool {
        let sequence = self.batches[at].sequence();
        self.batches[at + 1..].iter().any(|later| later.watermark() > sequence)
    }

    /// Holds a verdict against what is due for damage at this one byte.
    #[track_caller]
    pub(crate) fn assert_due(&self, verdict: &Verdict, file: &str, offset: usize) {
        let due = self.due(file, offset);
        let right = match (&due, verdict) {
            (Due::Refused { offset, position_max }, Verdict::Refused(refusal)) => {
                refusal.file == file
                    && refusal.offset == *offset
                    && refusal.position <= *position_max
                    && !refusal.unknown_format
            }
            (Due::Whole, Verdict::Whole) => true,
            (Due::Short(due), Verdict::Short(at)) => due == at,
            _ => false,
        };
        let spot = self.spot(file, offset);
        assert!(right, "{file} byte {offset} ({spot:?}): due {due:?}, found {verdict:?}");
    }

    /// What verification says of the damage.
    pub(crate) fn verified(&self, patches: Vec<Patch>) -> (Vec<Finding>, Summary) {
        verified(&self.disk, patches)
    }

    /// Byte behind the last batch of a segment.
    pub(crate) fn used(&self, number: u64) -> usize {
        let mut here = self.batches.iter().filter(|batch| batch.segment() == number);
        here.next_back().map_or(0, |last| (last.offset() + last.stored_bytes()) as usize)
    }
}

/// Whether a crash could have left the batch so, as far as its sectors tell: where one that should
/// hold bytes is zero by itself.
pub(crate) fn has_zero_sector(batch: &Batch) -> bool {
    let used = batch.stored().len()
        - batch.stored().iter().rev().skip(16).take_while(|it| **it == 0).count();
    let sectors = batch.stored().chunks(SECTOR as usize);
    let zero = sectors.map(|sector| sector.iter().all(|byte| *byte == 0));
    let ends = (1..).map(|at| at * SECTOR as usize);
    zero.zip(ends).any(|(zero, end)| zero && end < used)
}

/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;

/// Other files in place of those of a sound image.
pub(crate) struct Elsewhere<'a> {
    sound: &'a Judge,
    pub(crate) disk: Arc<StillDisk>,
}

impl Elsewhere<'_> {
    /// What a recovery hands out, held against what was written to the sound image.
    pub(crate) fn wholly(&self) -> Verdict {
        look(&self.disk, Vec::new(), || self.sound.read_all(&self.disk))
    }

    pub(crate) fn verified(&self) -> (Vec<Finding>, Summary) {
        verified(&self.disk, Vec::new())
    }
}

fn look(
    disk: &StillDisk,
    patches: Vec<Patch>,
    read: impl FnOnce() -> Result<Verdict, Error>,
) -> Verdict {
    let verdict = damaged(disk, patches, read);
    verdict.unwrap_or_else(|error| Verdict::Refused(Refusal::of(error)))
}

/// What verification says of a disk with this damage on it.
pub(crate) fn verified(disk: &Arc<StillDisk>, patches: Vec<Patch>) -> (Vec<Finding>, Summary) {
    let mut findings = Vec::new();
    let shared = Arc::clone(disk) as Arc<dyn Disk>;
    let summary = damaged(disk, patches, || verify(&shared, &mut |found| findings.push(found)));
    (findings, summary.expect("damage is found, not an error"))
}

/// Does the work over damage, and says over which where it panics.
fn damaged<T>(disk: &StillDisk, patches: Vec<Patch>, work: impl FnOnce() -> T) -> T {
    let first = patches.first().map(|patch| (patch.file.clone(), patch.offset));
    disk.damage(patches);
    let done = catch_unwind(AssertUnwindSafe(work));
    disk.damage(Vec::new());
    done.unwrap_or_else(|_| panic!("a panic over damage at {first:?}"))
}
