//! Where one command is settled: decide, encode, evolve, all against the hot state.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hotledger_journal::{
    EntryHead, EntryKey, Error as JournalError, EventError, EventHead, Journal, StreamId,
};
use serde::ser::{Error as _, Serialize, Serializer};
use uuid::Uuid;

use crate::aggregate::{Aggregate, Context};
use crate::codec::{EncodeError, EventCodec, fingerprint};
use crate::figures::Figures;
use crate::hot::{Hot, KindNames, Slot};
use crate::identity::{AggregateId, CommandKey};
use crate::keys::{Keys, Known, Standing};
use crate::limits::GROUP;
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

fn print_of<A: Aggregate>(id: &A::Id, command: &A::Command) -> u64 {
    fingerprint(&(A::KIND, Shown(id.stream()), command))
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
    /// table is mostly waiting for memory, and lookups that are independent wait together. Answers
    /// the hashes of their aggregates, of the first [`GROUP`].
    pub(crate) fn foresee<'r, A: Aggregate>(
        &mut self,
        kind: usize,
        parcels: impl Iterator<Item = &'r Parcel<A>> + Clone,
    ) -> Option<[u64; GROUP]> {
        let slots = &self.state.hot::<A>(kind).slots;
        let keys = &self.keys;
        // An id of the user's that panics does so again where it is answered.
        catch_unwind(AssertUnwindSafe(|| {
            let mut hashes = [0; GROUP];
            for (hash, parcel) in hashes.iter_mut().zip(parcels.clone()) {
                *hash = slots.hash(&parcel.id);
            }
            let touched = hashes.iter().zip(parcels.clone()).fold(0, |all, (hash, parcel)| {
                all ^ slots.touch(*hash, &parcel.id, |slot| slot.version)
            });
            // Without a use the fetches would be left out.
            let _ = std::hint::black_box(touched);
            keys.foresee(parcels.filter_map(|parcel| parcel.key.map(|(key, _)| key)));
            hashes
        }))
        .ok()
    }

    /// Settles one command, with the hash of its aggregate where that is known; what it committed
    /// is left in [`Desk::commit`]. What it changed is encoded into the open batch, or nothing is
    /// changed.
    pub(crate) fn settle<A: Aggregate>(
        &mut self,
        kind: usize,
        parcel: Parcel<A>,
        hash: Option<u64>,
        trace: Trace,
    ) -> Result<(), Verdict<A::Refusal>> {
        // Whatever of the user's panics where it is not expected (`Serialize`, `Default`), it
        // panics before the state is touched.
        let settled = catch_unwind(AssertUnwindSafe(|| match self.standing::<A>(&parcel) {
            Ok(key) => self.settle_fresh::<A>(kind, parcel, hash, key, trace),
            Err(verdict) => Err(verdict),
        }));
        let outcome = settled.unwrap_or_else(|panic| {
            if self.journal.in_entry() {
                self.journal.abandon_entry();
            }
            Err(Verdict::Panicked(message_of(panic.as_ref())))
        });
        match &outcome {
            Ok(()) => self.figures.count_committed(),
            Err(verdict) => self.figures.count(verdict),
        }
        outcome
    }

    /// The key with the command's fingerprint, or the verdict when the key is known.
    fn standing<A: Aggregate>(
        &self,
        parcel: &Parcel<A>,
    ) -> Result<Option<EntryKey>, Verdict<A::Refusal>> {
        let Some((key, print)) = parcel.key else { return Ok(None) };
        // What panicked on the caller's thread panics here again, and becomes its verdict.
        let print = print.unwrap_or_else(|| print_of::<A>(&parcel.id, &parcel.command));
        look_up(self.keys, key, print).map(Some)
    }

    fn settle_fresh<A: Aggregate>(
        &mut self,
        kind: usize,
        parcel: Parcel<A>,
        hash: Option<u64>,
        key: Option<EntryKey>,
        trace: Trace,
    ) -> Result<(), Verdict<A::Refusal>> {
        self.stopwatch.iter_mut().for_each(Stopwatch::begin);
        let head = self.head();
        let hot = self.state.hot::<A>(kind);
        if hot.is_quarantined(&parcel.id) {
            return Err(Verdict::Quarantined);
        }
        let Hot { slots, decoder, names, cx, .. } = hot;
        let mut fresh = None;
        let hash = hash.unwrap_or_else(|| slots.hash(&parcel.id));
        let slot = match slots.get_hashed_mut(hash, &parcel.id) {
            Some(slot) => slot,
            None => fresh.insert(Slot::default()),
        };
        if let Some(expected) = parcel.expected.filter(|version| version.0 != slot.version) {
            return Err(Verdict::Conflict { expected, actual: Version(slot.version) });
        }
        let named = key.as_ref().map(|key| CommandKey(key.key));
        decide(&slot.state, parcel.command, cx, self.now, named)?;
        self.stopwatch.iter_mut().for_each(Stopwatch::decided);
        let events = u32::try_from(cx.recorded().len()).unwrap_or(u32::MAX);
        let version = Version(slot.version + u64::from(events));
        if events == 0 && key.is_none() {
            self.commit = Commit { position: head, version, events };
            return Ok(());
        }
        let key = key.map(|key| EntryKey { version: version.0, ..key });
        let entry = entry_head(self.now, key, trace);
        if let Err(error) = self.journal.begin_entry(&entry) {
            return Err(self.not_begun(error));
        }
        let mut pen = Pen::<A> { journal: self.journal, codec: decoder.codec(), names };
        if let Err(verdict) = pen.write(&parcel.id, slot.version, cx.recorded()) {
            self.journal.abandon_entry();
            return Err(verdict);
        }
        self.stopwatch.iter_mut().for_each(Stopwatch::encoded);
        if let Err(message) = evolve(slot, cx.recorded()) {
            self.journal.abandon_entry();
            self.broken = fresh.is_none().then(|| broken::<A>(kind, parcel.id));
            return Err(Verdict::Panicked(message));
        }
        if let Some(slot) = fresh.filter(|_| events > 0) {
            slots.insert(parcel.id, slot);
        }
        let position = Position::after(self.journal.finish_entry());
        self.record_key(key, position, version, events);
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

    /// Remembers what a committed command with a key did.
    pub(crate) fn record_key(
        &mut self,
        key: Option<EntryKey>,
        position: Position,
        version: Version,
        events: u32,
    ) {
        let Some(key) = key else { return };
        let sequence = self.journal.next_sequence();
        let fingerprint = key.fingerprint;
        let known = Known { fingerprint, sequence, position, events, version };
        self.keys.record(CommandKey(key.key), known);
    }
}

pub(crate) fn look_up<R>(keys: &Keys, key: CommandKey, print: u64) -> Result<EntryKey, Verdict<R>> {
    match keys.standing(key, print) {
        Standing::Fresh => Ok(EntryKey { key: key.0, fingerprint: print, version: 0 }),
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
