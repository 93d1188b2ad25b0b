//! One decision over several aggregates: one journal entry, all of it or none.

use std::fmt::Debug;
use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hotledger_journal::EntryKey;
use oneshot::Sender;
use serde::Serialize;
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::codec::{earlier_fingerprint, fingerprint};
use crate::durable::DurableLine;
use crate::error::{ExecuteError, HaltReason};
use crate::hot::{Hot, Slot};
use crate::identity::{AggregateId, CommandKey};
use crate::keys::{Keys, Tag};
use crate::panics::message_of;
use crate::position::{Position, Timestamp, Version};
use crate::receipt::{Receipt, Touched, Verdict};
use crate::state::Blueprint;
use crate::wait::Wait;
use crate::write::desk::{Desk, Pen, Trace, check_fresh, decide, entry_head, evolve};
use crate::write::execute::Pending;
use crate::write::mailbox::{Errand, Mailbox};

/// A command over several aggregates.
///
/// Its serialised form, together with its name, is the fingerprint behind a command key.
pub trait Transaction: Serialize + Send + 'static {
    /// The stable name of this kind of transaction.
    const NAME: &'static str;

    /// Why it was not accepted.
    type Refusal: Debug + Clone + PartialEq + Serialize + Send + 'static;

    /// Executes commands one after the other; each sees what the ones before it did.
    ///
    /// # Errors
    /// A refusal takes back everything that the transaction did, in memory as on disk.
    fn decide(self, tx: &mut Transacting<'_, '_>) -> Result<(), Self::Refusal>;
}

/// A transaction that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactReceipt {
    /// Position, chain and durability of the whole; the version is that of the aggregate that was
    /// touched last.
    pub receipt: Receipt,
    /// Every aggregate it changed, in the order of the last change. Empty for a duplicate, whose
    /// aggregates may have moved on: read the events at `receipt.position` instead.
    pub versions: Vec<Touched>,
}

/// What a transaction may do while it is decided.
pub struct Transacting<'t, 'd> {
    desk: &'t mut Desk<'d>,
    blueprint: &'t Blueprint,
    key: Option<CommandKey>,
    events: u32,
    touched: Vec<Touched>,
    /// The transaction is lost for another reason than a refusal; it only remains to be undone.
    lost: Option<Lost>,
}

enum Lost {
    TooLarge,
    Unencodable(Box<str>),
    Quarantined,
    Panicked(Box<str>),
}

impl Transacting<'_, '_> {
    /// Executes one command on one aggregate; the aggregate's version then. Costs a clone of each
    /// aggregate that the transaction touches.
    ///
    /// Where the command is lost for another reason than a refusal (an event that is too large or
    /// cannot be encoded, a panic, a quarantined aggregate) so is the whole transaction, and its
    /// answer says why. Until then this answers version 0, and what follows is undone.
    ///
    /// # Errors
    /// The aggregate's refusal; the aggregate is as it was, and the transaction may go on.
    ///
    /// # Panics
    /// When `A` is not registered; inside the engine that refuses the transaction.
    pub fn execute<A: Aggregate>(
        &mut self,
        id: A::Id,
        command: A::Command,
    ) -> Result<Version, A::Refusal> {
        let kind = self.kind::<A>();
        match self.try_execute::<A>(kind, &id, command) {
            Ok(version) => Ok(version),
            Err(Verdict::Refused(refusal)) => Err(refusal),
            // What follows is undone in any case, so it may as well run on.
            Err(verdict) => {
                self.lost.get_or_insert(match verdict {
                    Verdict::TooLarge => Lost::TooLarge,
                    Verdict::Unencodable(why) => Lost::Unencodable(why),
                    Verdict::Panicked(message) => Lost::Panicked(message),
                    _ => Lost::Quarantined,
                });
                Ok(Version(0))
            }
        }
    }

    /// The state of an aggregate as the transaction sees it; `None` before its first event.
    ///
    /// # Panics
    /// When `A` is not registered; inside the engine that refuses the transaction.
    #[must_use]
    pub fn state<A: Aggregate>(&self, id: &A::Id) -> Option<&A> {
        let kind = self.kind::<A>();
        self.desk.state.hot_ref::<A>(kind).slots.get(id).map(|slot| &slot.state)
    }

    /// When the transaction was taken up.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.desk.now
    }

    fn kind<A: Aggregate>(&self) -> usize {
        self.blueprint.index_of::<A>().unwrap_or_else(|| {
            panic!("kind `{}` is not registered; add `.aggregate::<…>()` to the builder", A::KIND)
        })
    }

    fn try_execute<A: Aggregate>(
        &mut self,
        kind: usize,
        id: &A::Id,
        command: A::Command,
    ) -> Result<Version, Verdict<A::Refusal>> {
        let hot = self.desk.state.hot::<A>(kind);
        if hot.is_quarantined(id) {
            return Err(Verdict::Quarantined);
        }
        hot.remember(id);
        let Hot { slots, decoder, names, cx, .. } = hot;
        let mut fresh = None;
        let slot = match slots.get_mut(id) {
            Some(slot) => slot,
            None => fresh.insert(Slot::default()),
        };
        decide(&slot.state, command, cx, self.desk.now, self.key)?;
        let recorded = u32::try_from(cx.recorded().len()).unwrap_or(u32::MAX);
        let mut pen = Pen::<A> { journal: self.desk.journal, codec: decoder.codec(), names };
        pen.write(id, slot.version, cx.recorded())?;
        evolve(slot, cx.recorded()).map_err(Verdict::Panicked)?;
        let version = Version(slot.version);
        if recorded > 0 {
            if let Some(slot) = fresh {
                slots.insert(id.clone(), slot);
            }
            self.events += recorded;
            self.touch(A::KIND, &id.stream().to_string(), version);
        }
        Ok(version)
    }

    fn touch(&mut self, kind: &str, id: &str, version: Version) {
        self.touched.retain(|touched| touched.kind != kind || touched.id != id);
        self.touched.push(Touched { kind: kind.to_owned(), id: id.to_owned(), version });
    }
}

/// A transaction that has not been sent yet. Add a key, then `wait`, `submit` or `await` it.
#[must_use = "nothing is sent before `wait`, `submit` or `.await`"]
pub struct Transact<'a, T: Transaction> {
    mailbox: &'a Mailbox,
    blueprint: &'a Blueprint,
    wait: Wait,
    transaction: T,
    key: Option<CommandKey>,
    trace: Trace,
}

impl<'a, T: Transaction> Transact<'a, T> {
    pub(crate) fn new(
        mailbox: &'a Mailbox,
        blueprint: &'a Blueprint,
        wait: Wait,
        transaction: T,
    ) -> Self {
        Self { mailbox, blueprint, wait, transaction, key: None, trace: Trace::default() }
    }

    /// Only once for this key: again within the key window it answers with the first receipt.
    pub fn key(mut self, key: impl Into<CommandKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Ties the transaction to the outside request that set it off.
    pub fn correlation(mut self, id: Uuid) -> Self {
        self.trace.correlation = Some(id);
        self
    }

    /// Names the event or message that caused the transaction.
    pub fn causation(mut self, id: Uuid) -> Self {
        self.trace.causation = Some(id);
        self
    }

    /// Sends the transaction; the answer is picked up later, or never.
    pub fn submit(self) -> Pending<TransactReceipt, T::Refusal> {
        let (reply, receiver) = oneshot::channel();
        let errand = Whole {
            transaction: Some(self.transaction),
            blueprint: self.blueprint.clone(),
            key: self.key,
            trace: self.trace,
            outcome: None,
            reply,
        };
        Pending::new(receiver, self.wait, self.mailbox.enqueue(Box::new(errand)))
    }

    /// Sends the transaction and waits until it is durable.
    ///
    /// # Errors
    /// See [`ExecuteError`]. All but `Halted` mean that the transaction had no effect.
    pub fn wait(self) -> Result<TransactReceipt, ExecuteError<T::Refusal>> {
        self.submit().wait()
    }
}

impl<T: Transaction> IntoFuture for Transact<'_, T> {
    type Output = Result<TransactReceipt, ExecuteError<T::Refusal>>;
    type IntoFuture = Pending<TransactReceipt, T::Refusal>;

    fn into_future(self) -> Self::IntoFuture {
        self.submit()
    }
}

/// A transaction inside the writer.
struct Whole<T: Transaction> {
    transaction: Option<T>,
    blueprint: Blueprint,
    key: Option<CommandKey>,
    trace: Trace,
    outcome: Option<(Verdict<T::Refusal>, Vec<Touched>)>,
    reply: Sender<Result<TransactReceipt, ExecuteError<T::Refusal>>>,
}

impl<T: Transaction> Whole<T> {
    /// The key with the transaction's fingerprint and its tag, or the verdict when it is known.
    fn standing(
        &self,
        desk: &Desk<'_>,
        transaction: &T,
    ) -> Result<Option<(EntryKey, Tag)>, Verdict<T::Refusal>> {
        let Some(key) = self.key else { return Ok(None) };
        // Both fingerprints run the transaction's Serialize, on the writer's thread.
        let print = catch_unwind(AssertUnwindSafe(|| fingerprint(&(T::NAME, transaction))));
        let fingerprint = print.map_err(|panic| Verdict::Panicked(message_of(panic.as_ref())))?;
        let earlier = || earlier_fingerprint(&(T::NAME, transaction));
        let tag = desk.keys.tag(&key);
        let key = EntryKey { key: key.0, fingerprint, version: 0 };
        check_fresh(desk.keys, &key, tag, || catch_unwind(AssertUnwindSafe(earlier)).ok())?;
        Ok(Some((key, tag)))
    }

    fn run(&mut self, desk: &mut Desk<'_>, transaction: T) -> (Verdict<T::Refusal>, Vec<Touched>) {
        let key = match self.standing(desk, &transaction) {
            Ok(key) => key,
            Err(verdict) => return (verdict, Vec::new()),
        };
        let entry = entry_head(desk.now, key.map(|(key, _)| key), self.trace);
        if let Err(error) = desk.journal.begin_entry(&entry) {
            return (desk.not_begun(error), Vec::new());
        }
        let (blueprint, command_key) = (&self.blueprint, self.key);
        let mut tx = Transacting {
            desk,
            blueprint,
            key: command_key,
            events: 0,
            touched: Vec::new(),
            lost: None,
        };
        let decided = catch_unwind(AssertUnwindSafe(|| transaction.decide(&mut tx)));
        let Transacting { desk, events, touched, lost, .. } = tx;
        let failed = match (decided, lost) {
            (Err(panic), _) => Some(Verdict::Panicked(message_of(panic.as_ref()))),
            (_, Some(lost)) => Some(lost.into()),
            (Ok(Err(refusal)), None) => Some(Verdict::Refused(refusal)),
            (Ok(Ok(())), None) => None,
        };
        if let Some(verdict) = failed {
            desk.journal.abandon_entry();
            desk.state.roll_back();
            return (verdict, Vec::new());
        }
        desk.state.keep();
        let version = touched.last().map_or(Version(0), |touched| touched.version);
        if events == 0 && key.is_none() {
            desk.journal.abandon_entry();
            return (Verdict::Committed { position: desk.head(), version, events }, touched);
        }
        let position = Position::after(desk.journal.finish_entry());
        if let Some((key, tag)) = &key {
            desk.record_key(key, *tag, position, version, events);
        }
        (Verdict::Committed { position, version, events }, touched)
    }
}

impl<R> From<Lost> for Verdict<R> {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::TooLarge => Self::TooLarge,
            Lost::Unencodable(why) => Self::Unencodable(why),
            Lost::Quarantined => Self::Quarantined,
            Lost::Panicked(message) => Self::Panicked(message),
        }
    }
}

impl<T: Transaction> Errand for Whole<T> {
    fn settle(&mut self, desk: &mut Desk<'_>) {
        let transaction = self.transaction.take().expect("a transaction is settled once");
        let outcome = self.run(desk, transaction);
        desk.figures.count(&outcome.0);
        self.outcome = Some(outcome);
    }

    fn tell(self: Box<Self>, line: &DurableLine, keys: &Keys) {
        let outcome = self.outcome.expect("a transaction is settled before it is told");
        let (mut verdict, versions) = outcome;
        verdict.complete(keys);
        let answer = verdict.tell(line).map(|receipt| TransactReceipt { receipt, versions });
        // A caller that no longer waits has said so by dropping its Pending.
        let _ = self.reply.send(answer);
    }

    fn halt(self: Box<Self>, reason: &HaltReason) {
        let _ = self.reply.send(Err(ExecuteError::Halted(reason.clone())));
    }
}
