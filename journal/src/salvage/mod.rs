//! Salvage: what is sound of a damaged journal as a new journal, and what is not as a list.
//!
//! The new journal holds every entry before the first loss, each at its old position, under a
//! new identity. What lies behind the first loss cannot follow there, since positions and
//! versions have no gap: it is handed out batch by batch, for whoever asked to keep. The source is
//! opened for reading, under a shared lock, and not a byte of it changes.

mod copy;

use std::ops::ControlFlow;
use std::sync::Arc;

use uuid::Uuid;

use self::copy::Copy;
use crate::{
    chain::Chain,
    disk::{Disk, LockKind},
    error::Error,
    read::Batch,
    record::{BatchKind, segment_name},
    recover::segment_numbers,
    verify::{END_UNKNOWN, Finding, Seen, go_through},
};

/// What does not come into the new journal, in the order of the source.
#[derive(Debug)]
pub enum Salvaged<'a> {
    /// Nothing sound is left here.
    Lost(Loss),
    /// A sound batch with entries behind the first loss.
    Behind(&'a Batch),
}

/// A break in the journal, with the positions lost in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The first position that is lost.
    pub from: u64,
    /// The position behind the last one lost; `None` where nothing behind it tells. The same as
    /// `from` where no event is lost, only entries without events, names, or the proof of order.
    pub to: Option<u64>,
    /// Name of the file in which it begins.
    pub file: String,
    /// Byte in that file.
    pub offset: u64,
    /// What was found there.
    pub why: String,
}

/// What salvage saw and made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Identity of the damaged journal, where any header of it is sound.
    pub source: Option<Uuid>,
    /// Identity of the new journal.
    pub journal_id: Uuid,
    /// Entries kept in the new journal.
    pub entries: u64,
    /// Events kept in the new journal.
    pub events: u64,
    /// Position of the last event kept, the same in both.
    pub last_position: Option<u64>,
    /// Chain of the last batch kept, in the source: the one that receipts give. Zero where none.
    pub source_chain: Chain,
    /// Chain of the new journal's last batch with entries. Zero where there is none.
    pub chain: Chain,
    /// Breaks told as [`Salvaged::Lost`].
    pub losses: u64,
    /// Events lost in them, where that is known.
    pub lost_events: u64,
    /// Sound events told as [`Salvaged::Behind`].
    pub events_behind: u64,
    /// Bytes of the source that a crash left half-written: no loss.
    pub torn_bytes: u64,
}

/// Makes a new journal of what is sound, and tells the rest in order.
///
/// `target` is asked for an empty disk once the source is locked. Memory is bounded, whatever the
/// source holds. Where `tell` says stop, no more is told, and the new journal ends there.
///
/// # Errors
/// [`Error::Locked`] while the source is open for appending; [`Error::Missing`] where it has no
/// segment; [`Error::CannotCreate`] where the target holds anything; whatever appending answers.
pub fn salvage(
    source: &Arc<dyn Disk>,
    target: impl FnOnce() -> Result<Arc<dyn Disk>, Error>,
    tell: &mut dyn FnMut(Salvaged<'_>) -> ControlFlow<()>,
) -> Result<Account, Error> {
    let lock = source.lock(LockKind::Shared).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::Locked,
        _ => Error::from_io("lock the journal", error),
    })?;
    if segment_numbers(source.as_ref())?.is_empty() {
        return Err(Error::Missing);
    }
    let mut salvor = Salvor::new(Copy::into(target()?)?, tell);
    let summary = go_through(source, &mut |seen| salvor.see(seen))?;
    drop(lock);
    salvor.account.source = summary.journal_id;
    salvor.account.torn_bytes = summary.torn_bytes;
    salvor.finish()
}

/// Sorts what is seen into what is kept and what is told.
struct Salvor<'a> {
    copy: Copy,
    tell: &'a mut dyn FnMut(Salvaged<'_>) -> ControlFlow<()>,
    account: Account,
    /// Position and entry number that follow what was seen.
    next: (u64, u64),
    /// Whether nothing was lost so far.
    whole: bool,
    /// The first damage since the last sound batch that may have destroyed something.
    cause: Option<Finding>,
    failed: Option<Error>,
}

impl<'a> Salvor<'a> {
    fn new(copy: Copy, tell: &'a mut dyn FnMut(Salvaged<'_>) -> ControlFlow<()>) -> Salvor<'a> {
        let account = Account {
            source: None,
            journal_id: Uuid::nil(),
            entries: 0,
            events: 0,
            last_position: None,
            source_chain: Chain::ZERO,
            chain: Chain::ZERO,
            losses: 0,
            lost_events: 0,
            events_behind: 0,
            torn_bytes: 0,
        };
        Salvor { copy, tell, account, next: (0, 0), whole: true, cause: None, failed: None }
    }

    fn see(&mut self, seen: Seen<'_>) -> ControlFlow<()> {
        match seen {
            Seen::Damage(finding) => {
                let endless = |it: &Finding| matches!(it.positions, Some((_, END_UNKNOWN)));
                let graver = match &self.cause {
                    None => finding.positions.is_some(),
                    Some(cause) => endless(&finding) && !endless(cause),
                };
                if graver {
                    self.cause = Some(finding);
                }
                ControlFlow::Continue(())
            }
            Seen::Batch(batch) => self.take(batch, true),
            Seen::Unnamed(batch) => self.take(batch, false),
        }
    }

    fn take(&mut self, batch: &Batch, named: bool) -> ControlFlow<()> {
        let header = batch.header();
        let (first, end) = (header.first_position, header.end_position());
        assert!(first <= end, "checked with the header");
        let cause = self.cause.take();
        if (first, header.first_entry) != self.next {
            self.lose((self.next.0, first), cause, batch)?;
        } else if cause.as_ref().is_some_and(|finding| finding.kind == "order") || !named {
            // Nothing is missing, but what is here cannot be shown to be what was written.
            self.lose((first, first), cause, batch)?;
        }
        self.next = (self.next.0.max(end), header.end_entry());
        if let Some(why) = undecodable(batch) {
            let (file, offset) = (segment_name(batch.segment()), batch.offset());
            let cause = Finding { file, offset, positions: None, kind: "entry", what: why };
            self.lose((first, end), Some(cause), batch)
        } else if batch.kind() != BatchKind::Data {
            ControlFlow::Continue(())
        } else if self.whole {
            self.keep(batch)
        } else {
            self.account.events_behind += end - first;
            (self.tell)(Salvaged::Behind(batch))
        }
    }

    fn keep(&mut self, batch: &Batch) -> ControlFlow<()> {
        assert!(self.whole, "nothing follows a loss in the new journal");
        assert_eq!(batch.first_position(), self.account.events, "positions stay what they were");
        if let Err(error) = self.copy.append(batch) {
            self.failed = Some(error);
            return ControlFlow::Break(());
        }
        self.account.entries += u64::from(batch.entry_count());
        self.account.events = batch.end_position();
        self.account.last_position = batch.end_position().checked_sub(1);
        self.account.source_chain = batch.chain();
        ControlFlow::Continue(())
    }

    /// Tells a loss that ends before the batch, or with it.
    fn lose(
        &mut self,
        (from, to): (u64, u64),
        cause: Option<Finding>,
        batch: &Batch,
    ) -> ControlFlow<()> {
        let to = to.max(from);
        let (file, offset, why) = match cause {
            Some(finding) => (finding.file, finding.offset, finding.what),
            None => {
                let why = "it does not follow the batch before".to_owned();
                (segment_name(batch.segment()), batch.offset(), why)
            }
        };
        self.account.lost_events += to - from;
        self.told(Loss { from, to: Some(to), file, offset, why })
    }

    fn told(&mut self, loss: Loss) -> ControlFlow<()> {
        assert!(loss.to.is_none_or(|to| loss.from <= to), "a range has two ends");
        self.whole = false;
        self.account.losses += 1;
        (self.tell)(Salvaged::Lost(loss))
    }

    fn finish(mut self) -> Result<Account, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let Some(Finding { file, offset, positions: Some((_, END_UNKNOWN)), what, .. }) =
            self.cause.take()
        {
            // Whether the listener wants to hear more no longer matters: this is the last.
            let _ = self.told(Loss { from: self.next.0, to: None, file, offset, why: what });
        }
        let events = self.account.events;
        (self.account.journal_id, self.account.chain) = self.copy.finish(events)?;
        Ok(self.account)
    }
}

/// Why a batch's entries cannot be decoded, unless they can.
fn undecodable(batch: &Batch) -> Option<String> {
    let all = batch.entries().try_for_each(|entry| {
        entry.and_then(|entry| entry.events().try_for_each(|event| event.map(drop)))
    });
    all.err().map(|error| error.to_string())
}
