//! The survey of all segment files before anything in them is believed.

use crate::{
    chain::Chain,
    disk::{Access, Disk},
    error::Error,
    limits::{BLOCK_BYTES, CHUNK_BYTES},
    read::{Chunk, SegmentStart, check_successor, read_segment_header},
    record::{
        BatchHeader, BatchKind, Flaw, Footer, Place, SegmentHeader, is_zero, segment_name,
        segment_number,
    },
    tip::cursor_after,
};

/// What the directory holds.
pub(crate) struct Survey {
    /// Segments with a header, from number 1, without a gap.
    pub(crate) segments: Vec<SegmentStart>,
    /// Header of the last of them.
    pub(crate) last: Option<SegmentHeader>,
    /// The file behind it, prepared or left half-prepared by a crash.
    pub(crate) spare: Option<FoundSpare>,
}

/// A segment file without a header, and without a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundSpare {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) zero: bool,
}

impl Survey {
    /// Reads every header, and every footer where the next header says it is.
    pub(crate) fn of(disk: &dyn Disk) -> Result<Survey, Error> {
        let mut survey = Survey { segments: Vec::new(), last: None, spare: None };
        let numbers = segment_numbers(disk)?;
        let count = numbers.len();
        for (at, number) in numbers.into_iter().enumerate() {
            if number != at as u64 + 1 {
                let what = format!("the segment is missing, yet {} exists", segment_name(number));
                return Err(survey.corrupt(at as u64 + 1, 0, what));
            }
            survey.add(disk, number, at + 1 == count)?;
        }
        assert!(survey.segments.len() + 1 >= count, "at most one file is a spare");
        Ok(survey)
    }

    fn add(&mut self, disk: &dyn Disk, number: u64, is_last: bool) -> Result<(), Error> {
        let (mut chunk, bytes) = open(disk, number)?;
        let header = if bytes < BLOCK_BYTES as u64 {
            Err(Flaw::Invalid("file shorter than a segment header"))
        } else {
            read_segment_header(&mut chunk, number)?.0
        };
        match header {
            Ok(header) => self.add_segment(disk, header, bytes),
            Err(Flaw::Unknown(what)) => Err(Error::UnknownFormat {
                file: segment_name(number),
                offset: 0,
                what: what.to_owned(),
            }),
            Err(Flaw::Invalid(what)) if is_last && number > 1 => {
                let contents = contents(&mut chunk, bytes)?;
                if contents == Contents::Written {
                    return Err(self.corrupt(number, 0, format!("{what}, yet it was written to")));
                }
                assert!(self.spare.is_none(), "only the last file can be a spare");
                let zero = contents == Contents::Zeros;
                self.spare = Some(FoundSpare { number, bytes, zero });
                Ok(())
            }
            Err(Flaw::Invalid(what)) => Err(self.corrupt(number, 0, what.to_owned())),
        }
    }

    fn add_segment(
        &mut self,
        disk: &dyn Disk,
        header: SegmentHeader,
        bytes: u64,
    ) -> Result<(), Error> {
        if bytes != header.file_bytes {
            let what = format!("{bytes} bytes long instead of {}", header.file_bytes);
            return Err(self.corrupt(header.number, 0, what));
        }
        if let Some(before) = self.last {
            self.check_footer(disk, &before, &header)?;
        } else if header.number != 1 {
            return Err(self.corrupt(header.number, 0, "the segment before has no header".into()));
        }
        let (number, first_position) = (header.number, header.first_position);
        self.segments.push(SegmentStart { number, first_position });
        self.last = Some(header);
        assert_eq!(self.segments.len() as u64, number, "segments are numbered from 1");
        Ok(())
    }

    /// Whether the footer is where the next header says, and says the same.
    fn check_footer(
        &self,
        disk: &dyn Disk,
        before: &SegmentHeader,
        next: &SegmentHeader,
    ) -> Result<(), Error> {
        if next.journal != before.journal {
            let what = format!("a segment of another journal than {}", segment_name(before.number));
            return Err(self.corrupt(next.number, 0, what));
        }
        let offset = next.previous_footer;
        let bad = |what: &str| self.corrupt(before.number, offset, what.to_owned());
        if offset + BLOCK_BYTES as u64 > before.file_bytes {
            return Err(self.corrupt(next.number, 0, "footer before out of bounds".to_owned()));
        }
        let (mut chunk, _) = open(disk, before.number)?;
        let end = offset + BLOCK_BYTES as u64;
        let at = chunk.load(offset, BLOCK_BYTES, end)?;
        let block = &chunk.buffer()[at..at + BLOCK_BYTES];
        let place = Place {
            segment: before.number,
            salt: Some(before.salt),
            offset,
            room: BLOCK_BYTES as u64,
        };
        let checked = BatchHeader::read(block, &place)
            .and_then(|header| header.check_body(block).map(|()| header));
        let header = match checked {
            Ok(header) if header.kind == BatchKind::Footer => header,
            Ok(_) => return Err(bad("the segment's footer is another batch")),
            Err(Flaw::Invalid(what)) => return Err(bad(what)),
            Err(Flaw::Unknown(what)) => {
                let file = segment_name(before.number);
                return Err(Error::UnknownFormat { file, offset, what: what.to_owned() });
            }
        };
        let footer = Footer::decode(header.body(block)).map_err(bad)?;
        check_successor(next, before, &cursor_after(&header, Chain::of(block)), &footer)
            .map_err(|what| self.corrupt(next.number, 0, what.to_owned()))
    }

    /// Whether a last file without a header is a spare: nothing was ever written to it, since
    /// the header is durable before any batch.
    pub(crate) fn is_spare(chunk: &mut Chunk, bytes: u64) -> Result<bool, Error> {
        Ok(contents(chunk, bytes)? != Contents::Written)
    }

    /// Whether a spare is as it was prepared, as far as it reaches.
    pub(crate) fn is_zero_spare(chunk: &mut Chunk, bytes: u64) -> Result<bool, Error> {
        Ok(contents(chunk, bytes)? == Contents::Zeros)
    }

    fn corrupt(&self, number: u64, offset: u64, what: String) -> Error {
        // Of the segment before only the beginning is known at this time.
        let position = self.last.map_or(0, |header| header.first_position);
        Error::Corrupt { file: segment_name(number), offset, position, what }
    }
}

/// Numbers of all segment files, ascending.
pub(crate) fn segment_numbers(disk: &dyn Disk) -> Result<Vec<u64>, Error> {
    let names = disk.list().map_err(|error| Error::from_io("list the directory", error))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn open(disk: &dyn Disk, number: u64) -> Result<(Chunk, u64), Error> {
    let name = segment_name(number);
    let what = format!("open {name}");
    let opened = disk.open(&name, Access::Read).and_then(|file| Ok((file.bytes()?, file)));
    let (bytes, file) = opened.map_err(|error| Error::from_io(what, error))?;
    Ok((Chunk::new(name, file), bytes))
}

/// What a file without a header of its own holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    Zeros,
    Bytes,
    /// Headers of batches, or of a segment. Of another segment too: a file that was put in the
    /// place of this one is not a file that was never begun.
    Written,
}

fn contents(chunk: &mut Chunk, bytes: u64) -> Result<Contents, Error> {
    let end = bytes - bytes % BLOCK_BYTES as u64;
    let mut zero = true;
    let mut offset = 0;
    while offset < end {
        let count = (end - offset).min(CHUNK_BYTES as u64) as usize;
        let at = chunk.load(offset, count, end)?;
        for block in chunk.buffer()[at..at + count].chunks(BLOCK_BYTES) {
            if BatchHeader::is_any(block) || offset == 0 && SegmentHeader::is_any(block) {
                return Ok(Contents::Written);
            }
            zero &= is_zero(block);
            offset += BLOCK_BYTES as u64;
        }
    }
    assert!(offset == end && end <= bytes, "the whole file was looked at");
    Ok(if zero { Contents::Zeros } else { Contents::Bytes })
}
