//! Where one command is settled: decide, encode, evolve, all against the hot state.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hotledger_journal::{
    EntryHead, EntryKey, Error as JournalError, EventError, EventHead, Journal, StreamId,
};
use serde::ser::{Error as _, Serialize, Serializer};
use uuid::Uuid;

use crate::aggregate::{Aggregate, Context};
use crate::codec::{EncodeError, EventCodec, earlier_fingerprint, fingerprint};
use crate::figures::Figures;
use crate::hot::{Hot, KindNames, Slot};
use crate::identity::{AggregateId, CommandKey};
use crate::keys::{Keys, Known, Standing, Tag};
use crate::panics::message_of;
use crate::position::{Position, Timestamp, Version};
use crate::receipt::{Repeated, Verdict};
use crate::state::State;
use crate::timeline::Stopwatch;

/// One command for one aggregate, with what the caller asks of it.
#[derive(Debug, Clone)]
pub struct Request<A: Aggregate> {
    /// Which aggregate.
    pub id: A::Id,
    /// What it should do.
    pub command: A::Command,
    /// Only if it is at this version.
    pub expected: Option<Version>,
    /// Only once for this key.
    pub key: Option<CommandKey>,
}

impl<A: Aggregate> Request<A> {
    /// A command without conditions.
    pub fn new(id: A::Id, command: A::Command) -> Self {
        Self { id, command, expected: None, key: None }
    }
}

/// A request on its way to the writer.
pub(crate) struct Parcel<A: Aggregate> {
    id: A::Id,
    command: A::Command,
    expected: Option<Version>,
    /// The key, and the command's fingerprint unless taking it panicked.
    key: Option<(CommandKey, Option<u64>)>,
}

impl<A: Aggregate> Parcel<A> {
    /// Takes the fingerprint behind a key on the caller's thread: there are many of those, and
    /// one writer, which it would cost as much as all the rest of a command.
    pub(crate) fn of(request: Request<A>) -> Self {
        let Request { id, command, expected, key } = request;
        let key = key.map(|key| {
            let print = catch_unwind(AssertUnwindSafe(|| print_of::<A>(&id, &command)));
            (key, print.ok())
        });
        Self { id, command, expected, key }
    }
}

/// A request that the writer has taken up, and what it is looked up with where that is known.
///
/// It is settled where it lies, without being moved again: what was moved in parts a moment ago
/// and is read as a whole, or the other way round, makes the processor wait until all it stored
/// before has reached the cache: 20 ns a command, 200 with a key.
pub(crate) struct Taken<A: Aggregate> {
    /// Which aggregate and what it should do; there until it is settled.
    order: Option<(A::Id, A::Command)>,
    expected: Option<Version>,
    /// The head of its entry, but for the time and the version. The fingerprint is missing if
    /// taking it panicked.
    entry: EntryHead,
    has_print: bool,
    lookup: Option<Lookup>,
}

/// What one command is looked up with.
#[derive(Clone, Copy)]
struct Lookup {
    /// The hash of its aggregate.
    hash: u64,
    /// The tag of its key, where it has one.
    tag: Tag,
}

impl<A: Aggregate> Taken<A> {
    pub(crate) fn up(parcel: Parcel<A>, trace: Trace) -> Self {
        let Parcel { id, command, expected, key } = parcel;
        let has_print = key.is_none_or(|(_, print)| print.is_some());
        let key = key.map(|(CommandKey(key), print)| {
            let fingerprint = print.unwrap_or_default();
            EntryKey { key, fingerprint, version: 0 }
        });
        let (entry, lookup) = (entry_head(Timestamp(0), key, trace), None);
        Self { order: Some((id, command)), expected, entry, has_print, lookup }
    }

    fn id(&self) -> &A::Id {
        let (id, _) = self.order.as_ref().expect("a command is looked up before it is settled");
        id
    }

    fn key(&self) -> Option<CommandKey> {
        self.entry.key.as_ref().map(|key| CommandKey(key.key))
    }
}

/// Not inlined: a command without a key would pay for it as well.
#[inline(never)]
fn print_of<A: Aggregate>(id: &A::Id, command: &A::Command) -> u64 {
    fingerprint(&addressed::<A>(id, command))
}

/// What a fingerprint is taken of: the command, and whose it is.
fn addressed<'a, A: Aggregate>(
    id: &'a A::Id,
    command: &'a A::Command,
) -> impl Serialize + use<'a, A> {
    (A::KIND, Shown(id.stream()), command)
}

/// An id as the text that a person reads.
struct Shown<'a>(StreamId<'a>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            StreamId::Text(text) => serializer.serialize_str(text),
            ref number => {
                // `collect_str` would allocate. The longest is a u128 with 39 digits.
                let mut text = [0; 40];
                let mut room = &mut text[..];
                write!(room, "{number}").map_err(S::Error::custom)?;
                let used = 40 - room.len();
                let text = std::str::from_utf8(&text[..used]).map_err(S::Error::custom)?;
                serializer.serialize_str(text)
            }
        }
    }
}

/// What the outside wants to find again in the journal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trace {
    pub(crate) correlation: Option<Uuid>,
    pub(crate) causation: Option<Uuid>,
}

/// All that a command is settled against; lent to whoever holds commands for one turn.
pub(crate) struct Desk<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) journal: &'a mut Journal,
    pub(crate) keys: &'a mut Keys,
    pub(crate) figures: &'a Figures,
    /// The time of every command of this turn.
    pub(crate) now: Timestamp,
    /// The newest batch that holds an entry, as far as it has been submitted.
    pub(crate) last_submitted: u64,
    /// What the last command committed. It is handed over field by field: a verdict that is copied
    /// right after it was put together makes the processor wait for its parts to be stored.
    pub(crate) commit: Commit,
    /// Times the first command of the batch, when somebody wants to know.
    pub(crate) stopwatch: Option<Stopwatch>,
    /// Set when the journal failed: the turn ends, and nothing of it is told.
    pub(crate) failed: Option<JournalError>,
    /// Set when `evolve` panicked: the turn ends, and this aggregate is rebuilt before the next.
    pub(crate) broken: Option<Broken>,
}

/// What a command committed.
///
/// In this order, the two long ones apart: side by side they are written one by one and read
/// together, which no processor forwards from its store buffer. It waits until both have reached
/// the cache, behind every store before them: 20 ns a command, 200 with a key.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Commit {
    pub(crate) position: Position,
    pub(crate) events: u32,
    pub(crate) version: Version,
}

impl Commit {
    #[inline]
    pub(crate) fn verdict<R>(self) -> Verdict<R> {
        let Self { position, version, events } = self;
        Verdict::Committed { position, version, events }
    }
}

type Restore = Box<dyn FnOnce(&mut State, Option<State>) + Send>;

/// An aggregate whose state can no longer be trusted.
pub(crate) struct Broken {
    /// Takes the aggregate over from a rebuilt state, or quarantines it.
    pub(crate) restore: Restore,
    pub(crate) id: String,
}

impl Desk<'_> {
    /// Whether another command may be taken up in this turn.
    pub(crate) fn is_open(&self) -> bool {
        self.broken.is_none() && self.failed.is_none() && self.journal.has_room()
    }

    /// The batch that must be durable before anything seen or done so far may be told.
    pub(crate) fn rests_on(&self) -> u64 {
        if self.journal.open_entries() > 0 {
            self.journal.next_sequence()
        } else {
            self.last_submitted
        }
    }

    pub(crate) fn head(&self) -> Position {
        Position::after(self.journal.next_position())
    }

    /// Has the processor fetch what these commands will look up, all at once: a lookup in a large
    /// table is mostly waiting for memory, and lookups that are independent wait together. They
    /// come behind so many that are foreseen and not settled.
    pub(crate) fn foresee<A: Aggregate>(
        &mut self,
        kind: usize,
        before: usize,
        group: &mut [Taken<A>],
    ) {
        let slots = &self.state.hot::<A>(kind).slots;
        let keys = &self.keys;
        // An id of the user's that panics does so again where it is answered.
        let foreseen = catch_unwind(AssertUnwindSafe(|| {
            for (before, taken) in (before..).zip(group.iter_mut()) {
                let hash = slots.hash(taken.id());
                slots.foresee(hash);
                let tag = taken.key().map(|key| keys.foresee(before, &key));
                taken.lookup = Some(Lookup { hash, tag: tag.unwrap_or_default() });
            }
        }));
        if foreseen.is_err() {
            group.iter_mut().for_each(|taken| taken.lookup = None);
        }
    }

    fn lookup<A: Aggregate>(&mut self, kind: usize, taken: &Taken<A>) -> Lookup {
        let hash = self.state.hot::<A>(kind).slots.hash(taken.id());
        let tag = taken.key().map_or(Tag::default(), |key| self.keys.tag(&key));
        Lookup { hash, tag }
    }

    /// Settles one command; what it committed is left in [`Desk::commit`]. What it changed is
    /// encoded into the open batch, or nothing is changed.
    ///
    /// # Panics
    /// When something of the user's panics where it is not expected (`Serialize`, `Default`, `Eq`):
    /// before the state is touched, and [`Desk::panicked`] makes a verdict of it.
    pub(crate) fn settle<A: Aggregate>(
        &mut self,
        kind: usize,
        taken: &mut Taken<A>,
    ) -> Result<(), Verdict<A::Refusal>> {
        let settled = self.settle_uncounted(kind, taken);
        match &settled {
            Ok(()) => self.figures.count_committed(),
            Err(verdict) => self.figures.count(verdict),
        }
        settled
    }

    /// The verdict on a command whose settling panicked; nothing of it is left.
    #[cold]
    pub(crate) fn panicked<R>(&mut self, panic: &(dyn Any + Send)) -> Verdict<R> {
        if self.journal.in_entry() {
            self.journal.abandon_entry();
        }
        let verdict = Verdict::Panicked(message_of(panic));
        self.figures.count(&verdict);
        verdict
    }

    #[inline]
    fn settle_uncounted<A: Aggregate>(
        &mut self,
        kind: usize,
        taken: &mut Taken<A>,
    ) -> Result<(), Verdict<A::Refusal>> {
        let lookup = taken.lookup.unwrap_or_else(|| self.lookup(kind, taken));
        let Taken { order, expected, entry, has_print, .. } = taken;
        let (id, command) = order.take().expect("a command is settled once");
        if let Some(key) = &mut entry.key {
            if !*has_print {
                // What panicked on the caller's thread panics here again, and becomes its verdict.
                key.fingerprint = print_of::<A>(&id, &command);
            }
            let earlier = || Some(earlier_fingerprint(&addressed::<A>(&id, &command)));
            check_fresh(self.keys, key, lookup.tag, earlier)?;
        }
        self.stopwatch.iter_mut().for_each(Stopwatch::begin);
        let head = self.head();
        let hot = self.state.hot::<A>(kind);
        if hot.is_quarantined(&id) {
            return Err(Verdict::Quarantined);
        }
        let Hot { slots, decoder, names, cx, .. } = hot;
        let mut fresh = None;
        let slot = match slots.get_hashed_mut(lookup.hash, &id) {
            Some(slot) => slot,
            None => fresh.insert(Slot::default()),
        };
        if let Some(expected) = expected.filter(|version| version.0 != slot.version) {
            return Err(Verdict::Conflict { expected, actual: Version(slot.version) });
        }
        let named = entry.key.as_ref().map(|key| CommandKey(key.key));
        decide(&slot.state, command, cx, self.now, named)?;
        self.stopwatch.iter_mut().for_each(Stopwatch::decided);
        let events = u32::try_from(cx.recorded().len()).unwrap_or(u32::MAX);
        let version = Version(slot.version + u64::from(events));
        if events == 0 && entry.key.is_none() {
            self.commit = Commit { position: head, version, events };
            return Ok(());
        }
        entry.time = self.now.0;
        entry.key.iter_mut().for_each(|key| key.version = version.0);
        if let Err(error) = self.journal.begin_entry(entry) {
            return Err(self.not_begun(error));
        }
        let mut pen = Pen::<A> { journal: self.journal, codec: decoder.codec(), names };
        if let Err(verdict) = pen.write(&id, slot.version, cx.recorded()) {
            self.journal.abandon_entry();
            return Err(verdict);
        }
        self.stopwatch.iter_mut().for_each(Stopwatch::encoded);
        if let Err(message) = evolve(slot, cx.recorded()) {
            self.journal.abandon_entry();
            self.broken = fresh.is_none().then(|| broken::<A>(kind, id));
            return Err(Verdict::Panicked(message));
        }
        if let Some(slot) = fresh.filter(|_| events > 0) {
            slots.insert(id, slot);
        }
        let position = Position::after(self.journal.finish_entry());
        if let Some(key) = &entry.key {
            self.record_key(key, lookup.tag, position, version, events);
        }
        self.commit = Commit { position, version, events };
        Ok(())
    }

    /// Why the journal took no entry. Without a next segment that is an answer; any other failure
    /// stops the engine, and no verdict of this turn is told.
    pub(crate) fn not_begun<R>(&mut self, error: JournalError) -> Verdict<R> {
        match error {
            JournalError::Full { .. } => Verdict::StorageFull,
            JournalError::NotPrepared(cause) => {
                Verdict::StorageUnavailable(cause.to_string().into())
            }
            failure => {
                let why = failure.to_string().into();
                self.failed = Some(failure);
                Verdict::StorageUnavailable(why)
            }
        }
    }

    /// Remembers what a committed command with a key did. Not inlined, so that the numbers come in
    /// registers, from where they go to their places.
    #[inline(never)]
    pub(crate) fn record_key(
        &mut self,
        key: &EntryKey,
        tag: Tag,
        position: Position,
        version: Version,
        events: u32,
    ) {
        let sequence = self.journal.next_sequence();
        let fingerprint = key.fingerprint;
        let known = Known { fingerprint, sequence, position, events, version };
        self.keys.record(CommandKey(key.key), tag, known);
    }
}

/// The verdict on a command whose key is known. `earlier` takes its fingerprint as it used to be
/// taken: under a key from that time it is the one that counts.
#[inline]
pub(crate) fn check_fresh<R>(
    keys: &Keys,
    key: &EntryKey,
    tag: Tag,
    earlier: impl FnOnce() -> Option<u64>,
) -> Result<(), Verdict<R>> {
    let is_of_it = |recorded| recorded == key.fingerprint || Some(recorded) == earlier();
    match keys.standing(&CommandKey(key.key), tag, is_of_it) {
        Standing::Fresh => Ok(()),
        Standing::Repeated(known) => Err(Verdict::Repeated(Box::new(Repeated::new(known, keys)))),
        Standing::Reused => Err(Verdict::KeyReused),
    }
}

pub(crate) fn entry_head(now: Timestamp, key: Option<EntryKey>, trace: Trace) -> EntryHead {
    EntryHead {
        time: now.0,
        key,
        correlation: trace.correlation.map(Uuid::into_bytes),
        causation: trace.causation.map(Uuid::into_bytes),
    }
}

/// Decides, with a panic turned into a verdict.
pub(crate) fn decide<A: Aggregate>(
    state: &A,
    command: A::Command,
    cx: &mut Context<A::Event>,
    now: Timestamp,
    key: Option<CommandKey>,
) -> Result<(), Verdict<A::Refusal>> {
    cx.begin(now, key);
    match catch_unwind(AssertUnwindSafe(|| state.decide(command, cx))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refusal)) => Err(Verdict::Refused(refusal)),
        Err(panic) => Err(Verdict::Panicked(message_of(panic.as_ref()))),
    }
}

/// Folds the events into the state, with a panic turned into its message.
pub(crate) fn evolve<A: Aggregate>(
    slot: &mut Slot<A>,
    events: &[A::Event],
) -> Result<(), Box<str>> {
    let state = &mut slot.state;
    catch_unwind(AssertUnwindSafe(|| events.iter().for_each(|event| state.evolve(event))))
        .map_err(|panic| message_of(panic.as_ref()))?;
    slot.version += events.len() as u64;
    Ok(())
}

/// Encodes the events of one aggregate into the open entry.
pub(crate) struct Pen<'a, A: Aggregate> {
    pub(crate) journal: &'a mut Journal,
    pub(crate) codec: &'a EventCodec<A::Event>,
    pub(crate) names: &'a KindNames,
}

impl<A: Aggregate> Pen<'_, A> {
    pub(crate) fn write<R>(
        &mut self,
        id: &A::Id,
        version: u64,
        events: &[A::Event],
    ) -> Result<(), Verdict<R>> {
        for (event, version) in events.iter().zip(version + 1..) {
            let index = self.codec.type_index(event).map_err(|error| unencodable(&error))?;
            let (event_type, schema) = self.names.types[index as usize];
            let kind = self.names.kind;
            let head = EventHead { kind, event_type, schema, id: id.stream(), version };
            self.journal.event(&head, |payload| self.codec.encode(event, payload)).map_err(
                |error| match error {
                    EventError::TooLarge => Verdict::TooLarge,
                    EventError::Encode(error) => unencodable(&error),
                    other => Verdict::Unencodable(other.to_string().into()),
                },
            )?;
        }
        Ok(())
    }
}

fn unencodable<R>(error: &EncodeError) -> Verdict<R> {
    Verdict::Unencodable(error.to_string().into())
}

fn broken<A: Aggregate>(kind: usize, id: A::Id) -> Broken {
    let text = id.stream().to_string();
    let restore = move |state: &mut State, rebuilt| state.replace_from(kind, id.stream(), rebuilt);
    Broken { id: text, restore: Box::new(restore) }
}
