//! The hot aggregates of one kind: every state in memory, owned by whoever replays or writes.

use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use foldhash::quality::RandomState;
use hotledger_journal::{Event as StoredEvent, NameId, Names, StreamId};

use crate::aggregate::{Aggregate, Context};
use crate::codec::{decode_state, encode_state};
use crate::decode::Decoder;
use crate::ease::{self, breathe};
use crate::error::OpenError;
use crate::hashed::HashedMap;
use crate::identity::AggregateId;
use crate::position::{Position, Timestamp, Version};

/// One aggregate in memory.
#[derive(Default, Clone)]
pub(crate) struct Slot<A> {
    pub(crate) state: A,
    pub(crate) version: u64,
}

/// The names of a kind and of its event types in this process's name table.
pub(crate) struct KindNames {
    pub(crate) kind: NameId,
    /// By the index of the event type in the codec: its name and its present schema version.
    pub(crate) types: Vec<(NameId, u16)>,
}

/// All aggregates of one kind.
pub(crate) struct Hot<A: Aggregate> {
    pub(crate) slots: HashedMap<A::Id, Slot<A>>,
    pub(crate) decoder: Decoder<A>,
    pub(crate) names: KindNames,
    pub(crate) cx: Context<A::Event>,
    /// States as they were before the running transaction touched them; `None` was not there.
    undo: Vec<(A::Id, Option<Slot<A>>)>,
    /// Aggregates whose events could not be replayed.
    quarantined: HashSet<A::Id, RandomState>,
}

impl<A: Aggregate> Hot<A> {
    pub(crate) fn new(names: KindNames) -> Result<Self, OpenError> {
        Ok(Self {
            slots: HashedMap::default(),
            decoder: Decoder::new()?,
            names,
            cx: Context::new(Timestamp(0)),
            undo: Vec::new(),
            quarantined: HashSet::default(),
        })
    }

    /// Whether this aggregate may not be touched. Costs one length check as long as all is well.
    pub(crate) fn is_quarantined(&self, id: &A::Id) -> bool {
        !self.quarantined.is_empty() && self.quarantined.contains(id)
    }

    /// Keeps the aggregate as it is, once per transaction, for a roll-back.
    pub(crate) fn remember(&mut self, id: &A::Id) {
        if !self.undo.iter().any(|(remembered, _)| remembered == id) {
            self.undo.push((id.clone(), self.slots.get(id).cloned()));
        }
    }

    fn fold(&mut self, hash: u64, stored: &StoredEvent<'_>) -> Result<(), OpenError> {
        let Some(event) = self.decoder.decode(stored)? else {
            panic!("an event was routed to kind `{}`, which it does not belong to", A::KIND);
        };
        let id = Decoder::<A>::id_of(stored)?;
        if self.is_quarantined(&id) {
            return Ok(());
        }
        let slot = self.slots.get_or_default(hash, id);
        if stored.version != slot.version + 1 {
            return Err(OpenError::VersionGap {
                kind: A::KIND,
                id: stored.id.to_string(),
                position: Position::at(stored.position),
                before: Version(slot.version),
                found: Version(stored.version),
            });
        }
        if catch_unwind(AssertUnwindSafe(|| slot.state.evolve(&event))).is_ok() {
            slot.version = stored.version;
        } else {
            self.quarantine(stored);
        }
        Ok(())
    }

    fn quarantine(&mut self, stored: &StoredEvent<'_>) {
        tracing::error!(
            kind = A::KIND, id = %stored.id, position = stored.position,
            "evolve panicked at replay: the aggregate is quarantined"
        );
        if let Some(id) = A::Id::from_stream(stored.id) {
            self.slots.remove(&id);
            self.quarantined.insert(id);
        }
    }
}

/// The hot aggregates of some kind, without its type.
pub(crate) trait Kind: Any + Send {
    fn name(&self) -> &'static str;
    fn state_version(&self) -> u16;
    fn use_names(&mut self, names: &Arc<Names>);
    /// A hash of the event's aggregate.
    fn hash(&self, stored: &StoredEvent<'_>) -> u64;
    /// Starts to fetch the aggregate with this hash.
    fn foresee(&self, hash: u64);
    /// Folds one stored event into its aggregate, whose hash this is.
    fn fold(&mut self, hash: u64, stored: &StoredEvent<'_>) -> Result<(), OpenError>;
    /// Forgets what the running transaction changed.
    fn roll_back(&mut self);
    /// Keeps what the running transaction changed.
    fn keep(&mut self);
    fn aggregates(&self) -> usize;
    /// Bytes of the table that holds the aggregates; what a state owns elsewhere is not in it.
    fn table_bytes(&self) -> usize;
    fn quarantined(&self) -> usize;
    /// Every aggregate in the order of its stored id: id, version, encoded state.
    fn visit(&self, visit: &mut dyn FnMut(StreamId<'_>, u64, &[u8]));
    /// Makes room for so many aggregates more.
    fn reserve(&mut self, count: usize);
    /// Puts an aggregate back as a snapshot holds it; `false` when id or state cannot be read.
    fn restore(&mut self, id: StreamId<'_>, version: u64, state: &[u8]) -> bool;
    /// Takes one aggregate over from `rebuilt`, quarantined where it is quarantined there, or
    /// where there is nothing to take it from.
    fn replace_from(&mut self, id: StreamId<'_>, rebuilt: Option<&mut dyn Kind>);
}

impl<A: Aggregate> Kind for Hot<A> {
    fn name(&self) -> &'static str {
        A::KIND
    }

    fn state_version(&self) -> u16 {
        A::STATE_VERSION
    }

    fn use_names(&mut self, names: &Arc<Names>) {
        self.decoder.use_names(names);
    }

    fn hash(&self, stored: &StoredEvent<'_>) -> u64 {
        A::Id::from_stream(stored.id).map_or(0, |id| self.slots.hash(&id))
    }

    fn foresee(&self, hash: u64) {
        self.slots.foresee(hash);
    }

    fn fold(&mut self, hash: u64, stored: &StoredEvent<'_>) -> Result<(), OpenError> {
        Self::fold(self, hash, stored)
    }

    fn roll_back(&mut self) {
        for (id, before) in self.undo.drain(..) {
            match before {
                Some(slot) => drop(self.slots.insert(id, slot)),
                None => drop(self.slots.remove(&id)),
            }
        }
    }

    fn keep(&mut self) {
        self.undo.clear();
    }

    fn aggregates(&self) -> usize {
        self.slots.len()
    }

    fn table_bytes(&self) -> usize {
        self.slots.bytes()
    }

    fn quarantined(&self) -> usize {
        self.quarantined.len()
    }

    fn visit(&self, visit: &mut dyn FnMut(StreamId<'_>, u64, &[u8])) {
        let mut sorted = Vec::with_capacity(self.slots.len());
        for entry in self.slots.iter() {
            breathe();
            sorted.push(entry);
        }
        ease::sort_by_key(&mut sorted, |(id, _)| *id);
        let mut bytes = Vec::new();
        for (id, slot) in sorted {
            breathe();
            bytes.clear();
            encode_state(&slot.state, &mut bytes).unwrap_or_else(|error| {
                panic!(
                    "the state of `{}` cannot be serialised: {error}; mend its Serialize",
                    A::KIND
                )
            });
            visit(id.stream(), slot.version, &bytes);
        }
    }

    fn reserve(&mut self, count: usize) {
        self.slots.reserve(count);
    }

    fn restore(&mut self, id: StreamId<'_>, version: u64, state: &[u8]) -> bool {
        let (Some(id), Ok(state)) = (A::Id::from_stream(id), decode_state(state)) else {
            return false;
        };
        self.slots.insert(id, Slot { state, version });
        true
    }

    fn replace_from(&mut self, id: StreamId<'_>, rebuilt: Option<&mut dyn Kind>) {
        let id = A::Id::from_stream(id).expect("the id came from this kind");
        self.slots.remove(&id);
        let rebuilt = rebuilt.map(|kind| {
            let kind: &mut dyn Any = kind;
            kind.downcast_mut::<Self>().expect("same kind")
        });
        match rebuilt {
            Some(rebuilt) if !rebuilt.is_quarantined(&id) => {
                if let Some((id, slot)) = rebuilt.slots.remove(&id) {
                    self.slots.insert(id, slot);
                }
            }
            // Its history is there but cannot be folded: starting it anew would fork its versions.
            _ => {
                self.quarantined.insert(id);
            }
        }
    }
}
