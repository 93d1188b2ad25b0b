//! A reader for LOBSTER message files, which record the order flow of NASDAQ.
//!
//! One message a line, six columns: seconds after midnight with a fraction, type, order id, size,
//! price (dollars times 10,000), direction of the resting order (1 buys, -1 sells).

use std::io::{self, BufRead};
use std::iter::repeat;
use std::str::FromStr;

use thiserror::Error;

use super::{OrderId, Price, Side, Size, Symbol, SymbolError};

/// How long a line may be, in bytes; real ones have about 50.
pub const LINE_BYTES_MAX: usize = 256;

/// One line of a message file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The line it stands in, from 1.
    pub line: u64,
    /// When it happened, in nanoseconds after midnight.
    pub time_ns: u64,
    /// What happened.
    pub kind: MessageKind,
    /// To which order; 0 for a hidden one.
    pub order: OrderId,
    /// How much was submitted, taken back or executed.
    pub size: Size,
    /// The price in 1/10,000 of a dollar.
    pub price: Price,
    /// The side of the order that was submitted or rests.
    pub side: Side,
}

/// The type of a message, by its number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// 1: a limit order was submitted.
    Submission,
    /// 2: a resting order was reduced.
    Reduction,
    /// 3: a resting order was deleted.
    Deletion,
    /// 4: a visible resting order was executed.
    Execution,
    /// 5: a hidden resting order was executed.
    HiddenExecution,
    /// 6: a cross trade, such as that of an auction.
    CrossTrade,
    /// 7: trading was halted or resumed.
    Halt,
}

/// Why a file cannot be read on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LobsterError {
    /// A line is not a message. **Do:** look at that column of that line.
    #[error("line {line}: {column} {found:?}: {expected}")]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// The column that cannot be read.
        column: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// The line is longer than [`LINE_BYTES_MAX`]. **Do:** check that this is a message file.
    #[error("line {line} is longer than {LINE_BYTES_MAX} bytes")]
    LongLine {
        /// The line, from 1.
        line: u64,
    },
    /// The file cannot be read. **Do:** see the source.
    #[error("line {line}: {source}")]
    Read {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
}

/// The symbol in the name of a message file, which begins with it.
///
/// # Errors
/// When the name begins with something else.
pub fn symbol(file_name: &str) -> Result<Symbol, SymbolError> {
    file_name.split(['_', '.']).next().unwrap_or(file_name).parse()
}

/// The messages of a file, in order; the first error is the last item.
pub fn messages<R: BufRead>(reader: R) -> Messages<R> {
    Messages { reader, text: String::new(), line: 0, ended: false }
}

/// See [`messages`].
#[derive(Debug)]
pub struct Messages<R> {
    reader: R,
    text: String,
    line: u64,
    ended: bool,
}

impl<R: BufRead> Iterator for Messages<R> {
    type Item = Result<Message, LobsterError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.line += 1;
        let message = self.read_line().and_then(|more| match more {
            true => Message::parse(self.line, &self.text).map(Some),
            false => Ok(None),
        });
        self.ended = !matches!(message, Ok(Some(_)));
        message.transpose()
    }
}

impl<R: BufRead> Messages<R> {
    /// Reads the next line without its end; false at the end of the file.
    fn read_line(&mut self) -> Result<bool, LobsterError> {
        let line = self.line;
        self.text.clear();
        let mut reader = io::Read::take(&mut self.reader, LINE_BYTES_MAX as u64 + 1);
        let bytes = reader
            .read_line(&mut self.text)
            .map_err(|source| LobsterError::Read { line, source })?;
        if bytes > LINE_BYTES_MAX {
            return Err(LobsterError::LongLine { line });
        }
        self.text.truncate(self.text.trim_end_matches(['\r', '\n']).len());
        Ok(bytes > 0)
    }
}

impl Message {
    /// Reads one line of a message file, without its end.
    ///
    /// # Errors
    /// [`LobsterError::Malformed`], which names the column.
    pub fn parse(line: u64, text: &str) -> Result<Self, LobsterError> {
        let mut columns = Columns { line, rest: Some(text) };
        let message = Self {
            line,
            time_ns: columns.next("time", "seconds with decimals", nanoseconds)?,
            kind: columns.next("type", "a number from 1 to 7", kind)?,
            order: columns.next("order id", "an integer below 2^63", order)?,
            size: columns.next("size", "an integer, not negative", number)?,
            price: columns.next("price", "an integer", number)?,
            side: columns.next("direction", "1 or -1", side)?,
        };
        match columns.rest {
            None => Ok(message),
            Some(more) => Err(columns.malformed("end of line", more, "six columns")),
        }
    }
}

struct Columns<'a> {
    line: u64,
    rest: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn next<T>(
        &mut self,
        column: &'static str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, LobsterError> {
        let rest = self.rest.ok_or_else(|| self.malformed(column, "", expected))?;
        let (text, rest) = match rest.split_once(',') {
            Some((text, rest)) => (text, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        read(text).ok_or_else(|| self.malformed(column, text, expected))
    }

    fn malformed(&self, column: &'static str, found: &str, expected: &'static str) -> LobsterError {
        LobsterError::Malformed { line: self.line, column, found: found.to_owned(), expected }
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// The upper half of all ids is left to whoever replays the file, for orders of their own.
fn order(text: &str) -> Option<OrderId> {
    number(text).filter(|&order: &OrderId| order <= OrderId::MAX / 2)
}

fn kind(text: &str) -> Option<MessageKind> {
    Some(match text {
        "1" => MessageKind::Submission,
        "2" => MessageKind::Reduction,
        "3" => MessageKind::Deletion,
        "4" => MessageKind::Execution,
        "5" => MessageKind::HiddenExecution,
        "6" => MessageKind::CrossTrade,
        "7" => MessageKind::Halt,
        _ => return None,
    })
}

fn side(text: &str) -> Option<Side> {
    match text {
        "1" => Some(Side::Buy),
        "-1" => Some(Side::Sell),
        _ => None,
    }
}

/// `34200.0042` is 34,200,004,200,000.
///
/// Real files went through a floating point number on their way: `35821.088778456004` is a time
/// with nine decimals and an error. It is rounded to the nanosecond, which brings the time back.
fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut digits = decimals.bytes().map(|digit| u64::from(digit - b'0')).chain(repeat(0));
    let fraction = digits.by_ref().take(9).fold(0, |fraction, digit| fraction * 10 + digit);
    let rounded = u64::from(digits.next() >= Some(5));
    let seconds: u64 = number(seconds)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction + rounded)
}

#[cfg(test)]
mod tests;
