//! The running engine: what an application holds in its hand.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::decode::Decoder;
use crate::digest::DigestErrand;
use crate::error::HaltReason;
use crate::figures::{Figures, Stats};
use crate::position::Position;
use crate::read::{
    All, At, Past, Progress, RawRecorded, Selection, Subscription, TableReader, Typed, ViewReader,
};
use crate::recover::{History, RecoveryReport};
use crate::sources::Sources;
use crate::state::{Blueprint, StateDigest};
use crate::threads::Threads;
use crate::timeline::BatchTimes;
use crate::view::{Recorded, Table};
use crate::wait::Wait;
use crate::write::{Execute, Mailbox, Message, Session, Transact, Transaction};

/// One writer, one journal, one order; and everything that reads from it.
///
/// Share it by reference or in an `Arc`. Dropping it closes it: what was sent is answered, the
/// journal is sealed, the threads end.
pub struct Engine {
    mailbox: Mailbox,
    blueprint: Blueprint,
    wait: Wait,
    journal_id: Uuid,
    sources: Sources,
    figures: Arc<Figures>,
    times: Option<Receiver<BatchTimes>>,
    report: RecoveryReport,
    threads: Threads,
}

/// What the builder wires an engine from.
pub(crate) struct Parts {
    pub(crate) mailbox: Mailbox,
    pub(crate) blueprint: Blueprint,
    pub(crate) wait: Wait,
    pub(crate) journal_id: Uuid,
    pub(crate) sources: Sources,
    pub(crate) figures: Arc<Figures>,
    pub(crate) times: Option<Receiver<BatchTimes>>,
    pub(crate) report: RecoveryReport,
}

/// One aggregate, by kind and id. Cheap to make; it holds no state.
pub struct Handle<'a, A: Aggregate> {
    engine: &'a Engine,
    kind: usize,
    id: A::Id,
}

impl<'a, A: Aggregate> Handle<'a, A> {
    /// Sends the aggregate a command, once the answer is waited for, submitted or awaited.
    pub fn execute(&self, command: A::Command) -> Execute<'a, A> {
        let Engine { mailbox, wait, .. } = self.engine;
        Execute::new(mailbox, *wait, self.kind, self.id.clone(), command)
    }
}

impl Engine {
    pub(crate) fn assemble(parts: Parts, threads: Threads) -> Self {
        let Parts { mailbox, blueprint, wait, journal_id, sources, figures, times, report } = parts;
        Self { mailbox, blueprint, wait, journal_id, sources, figures, times, report, threads }
    }

    /// The aggregate of this kind with this id, whether it has any event yet or not.
    ///
    /// # Panics
    /// When the kind is not registered.
    pub fn aggregate<A: Aggregate>(&self, id: impl Into<A::Id>) -> Handle<'_, A> {
        Handle { engine: self, kind: self.kind::<A>(), id: id.into() }
    }

    /// Executes commands on several aggregates as one: all of it is committed, or none.
    pub fn transact<T: Transaction>(&self, transaction: T) -> Transact<'_, T> {
        Transact::new(&self.mailbox, &self.blueprint, self.wait, transaction)
    }

    /// A pipelined connection for one kind, with at most this many commands under way.
    ///
    /// # Panics
    /// When the kind is not registered, or the number is 0 or beyond `SESSION_IN_FLIGHT_MAX`.
    #[must_use]
    pub fn session<A: Aggregate>(&self, in_flight_max: usize) -> Session<A> {
        Session::open(&self.mailbox, self.wait, self.kind::<A>(), in_flight_max)
    }

    /// A reader of a registered view.
    ///
    /// # Panics
    /// When the view is not registered.
    #[must_use]
    pub fn view<V: 'static>(&self) -> ViewReader<V> {
        self.sources.view()
    }

    /// A reader of a registered table.
    ///
    /// # Panics
    /// When the table is not registered.
    #[must_use]
    pub fn table<T: Table<A>, A: Aggregate>(&self) -> TableReader<T::Key, T::Row> {
        self.sources.table::<T, A>()
    }

    /// Every event of one kind after a position: history, then live, without a gap.
    ///
    /// # Panics
    /// When the kind is not registered.
    #[must_use]
    pub fn subscribe<A: Aggregate>(&self, after: Position) -> Subscription<Recorded<A>> {
        self.subscription(after, Typed::new(self.decoder(), None), A::KIND)
    }

    /// Every event of one aggregate after a position.
    ///
    /// # Panics
    /// When the kind is not registered.
    #[must_use]
    pub fn subscribe_to<A: Aggregate>(
        &self,
        id: impl Into<A::Id>,
        after: Position,
    ) -> Subscription<Recorded<A>> {
        self.subscription(after, Typed::new(self.decoder(), Some(id.into())), A::KIND)
    }

    /// Every event of every kind after a position, payloads as they are stored.
    #[must_use]
    pub fn subscribe_all(&self, after: Position) -> Subscription<RawRecorded> {
        self.subscription(after, All::default(), "all")
    }

    /// The engine as it was: after a position, at a time, or at an aggregate's version.
    #[must_use]
    pub fn as_of(&self, at: impl Into<At>) -> Past {
        let reads = self.sources.feeds.reads().clone();
        Past::new(History::Live(reads, self.journal_id), at.into())
    }

    /// Up to here events are durable.
    #[must_use]
    pub fn position(&self) -> Position {
        self.sources.feeds.durable()
    }

    /// What opening the engine did.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.report
    }

    /// The identity of the journal, the same for as long as it exists.
    #[must_use]
    pub fn journal_id(&self) -> Uuid {
        self.journal_id
    }

    /// The times of the batches that became durable since the last call, oldest first: nothing
    /// unless [`Builder::batch_times`](crate::Builder::batch_times) asks for them. At most
    /// [`TIMES_HELD_MAX`](crate::limits::TIMES_HELD_MAX) wait; the newest beyond that are lost.
    /// Those of a batch come right behind its last answer.
    #[must_use]
    pub fn take_batch_times(&self) -> Vec<BatchTimes> {
        self.times.iter().flat_map(Receiver::try_iter).collect()
    }

    /// The engine's figures.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Sources { feeds, clock, readers, .. } = &self.sources;
        Stats {
            mailbox_depth: self.mailbox.depth(),
            segments: feeds.reads().segment_count(),
            readers: readers.stats(feeds.durable(), clock.now()),
            ..self.figures.read()
        }
    }

    /// The digest of the live state and the position it was taken at.
    ///
    /// The writer stands still for it, O(aggregates): for audits and tests, not for every day.
    ///
    /// # Errors
    /// The engine has stopped.
    pub fn digest(&self) -> Result<(Position, StateDigest), HaltReason> {
        let (errand, answer) = DigestErrand::new();
        self.mailbox.deliver(Message::Errand(Box::new(errand)));
        answer.recv().unwrap_or_else(|_| Err(self.mailbox.halt_reason()))
    }

    /// Why the engine has stopped; `None` while it runs.
    #[must_use]
    pub fn halted(&self) -> Option<HaltReason> {
        self.mailbox.halted().cloned()
    }

    /// Answers what was sent, seals the journal and ends the threads.
    ///
    /// Views stop where they are; `read_after` first where the last state matters. A snapshot that
    /// is being built is waited for.
    ///
    /// # Errors
    /// Why the engine had stopped before, or why the journal could not be sealed. What was
    /// answered as committed is on disk all the same.
    pub fn close(mut self) -> Result<(), HaltReason> {
        self.shut()
    }

    fn shut(&mut self) -> Result<(), HaltReason> {
        self.mailbox.deliver(Message::Close);
        self.threads.join()
    }

    fn kind<A: Aggregate>(&self) -> usize {
        self.blueprint.index_of::<A>().unwrap_or_else(|| {
            panic!("kind `{}` is not registered; add `.aggregate::<…>()` to the builder", A::KIND)
        })
    }

    fn decoder<A: Aggregate>(&self) -> Decoder<A> {
        self.kind::<A>();
        Decoder::new().expect("the events of a registered kind were checked when it was opened")
    }

    fn subscription<T>(
        &self,
        after: Position,
        selection: impl Selection<Item = T> + 'static,
        name: &str,
    ) -> Subscription<T> {
        let progress = Arc::new(Progress::new(format!("subscription to {name}")));
        let entry = self.sources.readers.enter(progress);
        Subscription::new(self.sources.feeds.join(after), selection, entry)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(reason) = self.shut() {
            tracing::warn!(%reason, "the engine closed after it had stopped");
        }
    }
}
