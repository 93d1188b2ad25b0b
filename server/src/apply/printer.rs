//! The printer: waits for the answers in order and writes them out as they become durable.

use std::io::{self, Write};

use crossbeam_channel::{Receiver, TryRecvError};

use super::answer::{Answer, Outcome};
use super::reader::{Awaited, Item};
use crate::out;

/// Why there are no more answers.
pub(super) enum Ending {
    /// Every line of the input is answered.
    Input,
    /// The input could not be read any further; every line before is answered.
    Unreadable(io::Error),
    /// A signal; every line read before it is answered.
    Signal,
    /// The engine has stopped.
    Halted,
    /// Nobody reads the answers any more.
    Closed,
}

/// Writes answers, flushing whenever the next one is not there yet.
pub(super) struct Printer<W> {
    out: W,
    halted: bool,
}

impl<W: Write> Printer<W> {
    /// A printer on this output.
    pub(super) fn new(out: W) -> Self {
        Self { out, halted: false }
    }

    /// Prints until the input ends, or the engine halts, or the output closes.
    pub(super) fn print_all(mut self, items: &Receiver<Item>) -> io::Result<Ending> {
        let ending = self.until_the_end(items).and_then(|ending| {
            self.out.flush()?;
            Ok(ending)
        });
        match ending {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Ending::Closed),
            ending => ending,
        }
    }

    fn until_the_end(&mut self, items: &Receiver<Item>) -> io::Result<Ending> {
        loop {
            let item = match items.try_recv() {
                Ok(item) => item,
                Err(_) if self.halted => return Ok(Ending::Halted),
                Err(TryRecvError::Empty) => {
                    self.out.flush()?;
                    match items.recv() {
                        Ok(item) => item,
                        Err(_) => return Ok(Ending::Input),
                    }
                }
                Err(TryRecvError::Disconnected) => return Ok(Ending::Input),
            };
            match item {
                Item::Answer(line, awaited) => self.answer(line, awaited)?,
                _ if self.halted => return Ok(Ending::Halted),
                Item::End => return Ok(Ending::Input),
                Item::Unreadable(error) => return Ok(Ending::Unreadable(error)),
                Item::Stop => return Ok(Ending::Signal),
            }
        }
    }

    fn answer(&mut self, line: u64, awaited: Awaited) -> io::Result<()> {
        if !awaited.is_ready() {
            self.out.flush()?;
        }
        let outcome = awaited.wait();
        self.halted |= matches!(outcome, Outcome::Halted { .. });
        out::json_line(&mut self.out, &Answer { line, outcome })
    }
}

impl Awaited {
    fn is_ready(&self) -> bool {
        match self {
            Self::Known(_) => true,
            Self::Account(pending) => pending.is_ready(),
            Self::Book(pending) => pending.is_ready(),
            Self::Transfer(pending) => pending.is_ready(),
        }
    }

    fn wait(self) -> Outcome {
        match self {
            Self::Known(outcome) => outcome,
            Self::Account(pending) => Outcome::of(pending.wait()),
            Self::Book(pending) => Outcome::of(pending.wait()),
            Self::Transfer(pending) => Outcome::of_all(pending.wait()),
        }
    }
}
