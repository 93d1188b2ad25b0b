//! What is known from answers and sightings alone, and held against every later sight.

use std::time::Duration;

use hotledger::{Delivery, Engine, Position, RawRecorded, ReadError, Receipt, Subscription};
use hotledger_journal::Recovery;

use crate::disk::ModelDisk;
use crate::subject::Outcome;

/// The history as far as anybody was shown it. It only ever grows.
#[derive(Default)]
pub(crate) struct Oracle {
    /// Every event that was seen to be durable, in order.
    history: Vec<RawRecorded>,
    /// Everything at or before this was answered as committed.
    acknowledged: Position,
    /// Receipts of commands with events, to find their chains again.
    receipts: Vec<Receipt>,
}

/// Why a look at the history gave nothing.
pub(crate) enum Blind {
    /// The disk did not let it be read, or says that it is damaged.
    Unreadable(ReadError),
    /// It ends after so many events, and more were promised.
    Cut(u64),
    /// It was read, and is not what it should be.
    Wrong(String),
}

impl Oracle {
    pub(crate) fn history(&self) -> &[RawRecorded] {
        &self.history
    }

    /// How many events nothing may take away again.
    pub(crate) fn promised(&self) -> u64 {
        self.acknowledged.events().max(self.history.len() as u64)
    }

    /// Takes note of an answer.
    pub(crate) fn answered(&mut self, outcome: &Outcome, durable: Position) -> Result<(), String> {
        let Outcome::Committed(receipt) = outcome else { return Ok(()) };
        if receipt.position > durable {
            let at = receipt.position;
            return Err(format!("a command was answered at {at}, durable is {durable}"));
        }
        self.acknowledged = self.acknowledged.max(receipt.position);
        if receipt.events > 0 {
            self.receipts.push(*receipt);
        }
        Ok(())
    }

    /// Looks at everything that is durable, from the start: nothing that was promised is missing
    /// or another, and what is new is remembered.
    pub(crate) fn look(&mut self, engine: &Engine) -> Result<(), Blind> {
        let mut observer = engine.subscribe_all(Position::ORIGIN);
        let mut seen = 0;
        while let Some(event) = next(&mut observer)? {
            self.see(seen, event, engine.position())?;
            seen += 1;
        }
        if seen < self.promised() { Err(Blind::Cut(seen)) } else { Ok(()) }
    }

    /// Sees what became durable since the last look.
    pub(crate) fn follow(&mut self, engine: &Engine) -> Result<(), Blind> {
        let seen = self.history.len() as u64;
        let mut observer = engine.subscribe_all(Position::after(seen));
        while let Some(event) = next(&mut observer)? {
            self.see(self.history.len() as u64, event, engine.position())?;
        }
        Ok(())
    }

    fn see(&mut self, index: u64, event: RawRecorded, durable: Position) -> Result<(), Blind> {
        let at = event.position;
        if at != Position::at(index) || at > durable {
            let told = format!("the event after {index} others is at {at}, durable is {durable}");
            return Err(Blind::Wrong(told));
        }
        match self.history.get(index as usize) {
            Some(known) if *known == event => Ok(()),
            Some(known) => {
                Err(Blind::Wrong(format!("the event at {at} was {known:?} and is {event:?}")))
            }
            None => {
                if self.history.last().is_some_and(|last| last.time > event.time) {
                    return Err(Blind::Wrong(format!("time went back at {at}")));
                }
                self.history.push(event);
                Ok(())
            }
        }
    }

    /// Finds the batch of every receipt on a disk that nobody writes, and its chain.
    pub(crate) fn chains(&self, disk: &ModelDisk) -> Result<(), String> {
        let failed = |error: hotledger_journal::Error| error.to_string();
        let recovery =
            Recovery::begin_read_only(std::sync::Arc::new(disk.clone())).map_err(failed)?;
        let mut reader = recovery.reader_at(None).map_err(failed)?;
        let mut receipts = self.receipts.clone();
        receipts.sort_by_key(|receipt| receipt.position);
        let mut receipts = receipts.iter().peekable();
        while let Some(batch) = reader.next().map_err(failed)? {
            let end = Position::after(batch.end_position());
            while let Some(receipt) = receipts.next_if(|receipt| receipt.position <= end) {
                if receipt.chain != batch.chain() {
                    return Err(format!("the chain of the receipt at {} is another", end));
                }
            }
        }
        match receipts.next() {
            None => Ok(()),
            Some(receipt) => Err(format!("no batch holds position {}", receipt.position)),
        }
    }
}

fn next(observer: &mut Subscription<RawRecorded>) -> Result<Option<RawRecorded>, Blind> {
    match observer.next_within(Duration::ZERO) {
        Ok(Some(Delivery::Event(event))) => Ok(Some(event)),
        Ok(Some(Delivery::CaughtUp(_)) | None) => Ok(None),
        Err(error) => Err(Blind::Unreadable(error)),
    }
}
