//! Lines of input, read with a bound.

use std::io::{self, BufRead, ErrorKind};

/// The longest line taken; a longer one is skipped to its end without being kept.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

/// A source of numbered lines.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
    buffer: Vec<u8>,
}

/// One line as it came in.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// Its bytes, without the line end.
    Whole(&'a [u8]),
    /// More than [`LINE_BYTES_MAX`] bytes.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// Numbers the lines of this input from 1.
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, buffer: Vec::with_capacity(4 << 10) }
    }

    /// The next line that is not blank, with its number; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let Some(whole) = self.fill()? else { return Ok(None) };
            if !whole {
                return Ok(Some((self.number, Line::TooLong)));
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some((self.number, Line::Whole(&self.buffer))))
    }

    /// Reads up to the line end: `Some(true)` when the buffer holds all of it, `None` at the end.
    fn fill(&mut self) -> io::Result<Option<bool>> {
        let mut met = false;
        let mut whole = true;
        loop {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                return Ok(met.then_some(whole));
            }
            met = true;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            whole &= self.buffer.len() + piece.len() <= LINE_BYTES_MAX;
            if whole {
                self.buffer.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(whole));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::{LINE_BYTES_MAX, Line, Lines};

    #[test]
    fn blank_lines_count_but_are_skipped() {
        let mut lines = Lines::new(&b"one\n\n  \r\ntwo"[..]);
        assert_eq!(lines.next().expect("reads"), Some((1, Line::Whole(b"one"))));
        assert_eq!(lines.next().expect("reads"), Some((4, Line::Whole(b"two"))));
        assert_eq!(lines.next().expect("reads"), None);
    }

    #[test]
    fn a_line_too_long_is_skipped_to_its_end() {
        let mut input = vec![b'x'; LINE_BYTES_MAX];
        input.push(b'\n');
        input.extend(vec![b'y'; LINE_BYTES_MAX + 1]);
        input.extend(b"\nend\n");
        let mut lines = Lines::new(BufReader::with_capacity(7, &input[..]));
        let Some((1, Line::Whole(longest))) = lines.next().expect("reads") else {
            panic!("the longest line is taken")
        };
        assert_eq!(longest.len(), LINE_BYTES_MAX);
        assert_eq!(lines.next().expect("reads"), Some((2, Line::TooLong)));
        assert_eq!(lines.next().expect("reads"), Some((3, Line::Whole(b"end"))));
        assert_eq!(lines.next().expect("reads"), None);
    }
}
