//! The whole hot state: every registered kind, and the digest over all of it.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use hotledger_journal::{Batch, Event as StoredEvent, NameId, Names, StreamId};
use serde::Serialize;

use crate::aggregate::Aggregate;
use crate::codec::EventCodec;
use crate::error::OpenError;
use crate::hot::{Hot, Kind, KindNames};
use crate::position::Position;

/// The hash of every aggregate's id, version and state at one position.
///
/// Live state, snapshot plus tail, and replay from zero have the same one, on every machine.
/// BLAKE3 over the kinds in the order of their names and the aggregates in the order of their ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateDigest(pub [u8; 32]);

impl fmt::Display for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateDigest({self})")
    }
}

impl Serialize for StateDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

type MakeKind = fn(KindNames) -> Result<Box<dyn Kind>, OpenError>;
type TypesOf = fn() -> Result<Vec<(String, u16)>, OpenError>;

/// What is registered: enough to make an empty state, as often as one is needed.
#[derive(Clone, Default)]
pub(crate) struct Blueprint {
    kinds: Vec<KindSpec>,
}

#[derive(Clone)]
struct KindSpec {
    name: &'static str,
    type_id: TypeId,
    types: TypesOf,
    make: MakeKind,
}

impl Blueprint {
    pub(crate) fn register<A: Aggregate>(&mut self) {
        self.kinds.push(KindSpec {
            name: A::KIND,
            type_id: TypeId::of::<A>(),
            types: types_of::<A>,
            make: |names| Ok(Box::new(Hot::<A>::new(names)?)),
        });
        // The digest and the snapshot go through the kinds in the order of their names.
        self.kinds.sort_by_key(|kind| kind.name);
    }

    pub(crate) fn index_of<A: Aggregate>(&self) -> Option<usize> {
        self.kinds.iter().position(|kind| kind.type_id == TypeId::of::<A>())
    }

    /// The name table of this process: every kind and event type, each name once.
    pub(crate) fn names(&self) -> Result<Vec<String>, OpenError> {
        let mut names: Vec<String> = Vec::new();
        for kind in &self.kinds {
            let types = (kind.types)()?.into_iter().map(|(name, _)| name);
            for name in std::iter::once(kind.name.to_owned()).chain(types) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    pub(crate) fn empty_state(&self) -> Result<State, OpenError> {
        if let Some(pair) = self.kinds.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(OpenError::KindTwice(pair[0].name));
        }
        let names = self.names()?;
        let kinds = self.kinds.iter().map(|spec| spec.make_kind(&names)).collect::<Result<_, _>>();
        Ok(State { kinds: kinds?, names: None, by_name: Vec::new() })
    }
}

impl KindSpec {
    fn make_kind(&self, names: &[String]) -> Result<Box<dyn Kind>, OpenError> {
        let id_of = |name: &str| {
            let index = names.iter().position(|held| held == name).expect("every name is listed");
            NameId(u16::try_from(index).expect("there are fewer than 65,536 names"))
        };
        let types = (self.types)()?;
        (self.make)(KindNames {
            kind: id_of(self.name),
            types: types.iter().map(|(name, version)| (id_of(name), *version)).collect(),
        })
    }
}

fn types_of<A: Aggregate>() -> Result<Vec<(String, u16)>, OpenError> {
    let codec = EventCodec::<A::Event>::new()
        .map_err(|source| OpenError::Events { kind: A::KIND, source })?;
    Ok(codec.types().iter().map(|kind| (kind.name.to_string(), kind.version)).collect())
}

/// Every kind's hot aggregates.
pub(crate) struct State {
    kinds: Vec<Box<dyn Kind>>,
    names: Option<Arc<Names>>,
    /// Which kind a name of the current name table stands for.
    by_name: Vec<Option<usize>>,
}

impl State {
    /// The aggregates of `A`, which stand at `index` in the blueprint.
    pub(crate) fn hot<A: Aggregate>(&mut self, index: usize) -> &mut Hot<A> {
        let kind: &mut dyn Any = self.kinds[index].as_mut();
        kind.downcast_mut().expect("the index came from the blueprint")
    }

    pub(crate) fn hot_ref<A: Aggregate>(&self, index: usize) -> &Hot<A> {
        let kind: &dyn Any = self.kinds[index].as_ref();
        kind.downcast_ref().expect("the index came from the blueprint")
    }

    pub(crate) fn kinds(&self) -> &[Box<dyn Kind>] {
        &self.kinds
    }

    pub(crate) fn kinds_mut(&mut self) -> &mut [Box<dyn Kind>] {
        &mut self.kinds
    }

    /// Takes up the name table of the batch whose events follow.
    pub(crate) fn use_names(&mut self, batch: &Batch) {
        let names = batch.names();
        if self.names.as_ref().is_some_and(|held| Arc::ptr_eq(held, names)) {
            return;
        }
        self.by_name.clear();
        for (id, name) in names.iter() {
            assert_eq!(usize::from(id.0), self.by_name.len(), "name ids are dense");
            self.by_name.push(self.kinds.iter().position(|kind| kind.name() == name));
        }
        for kind in &mut self.kinds {
            kind.use_names(names);
        }
        self.names = Some(Arc::clone(names));
    }

    /// The kind of an event's aggregate, and its hash there.
    pub(crate) fn hash(&self, stored: &StoredEvent<'_>) -> Option<(usize, u64)> {
        let index = (*self.by_name.get(usize::from(stored.kind.0))?)?;
        Some((index, self.kinds[index].hash(stored)))
    }

    /// Starts to fetch the aggregate of this kind and hash.
    pub(crate) fn foresee(&self, (kind, hash): (usize, u64)) {
        self.kinds[kind].foresee(hash);
    }

    /// Folds one stored event into the aggregate it belongs to, whose kind and hash these are.
    pub(crate) fn fold(
        &mut self,
        hash: Option<(usize, u64)>,
        stored: &StoredEvent<'_>,
    ) -> Result<(), OpenError> {
        match hash {
            Some((kind, hash)) => self.kinds[kind].fold(hash, stored),
            None => Err(self.unknown_kind(stored)),
        }
    }

    #[cold]
    fn unknown_kind(&self, stored: &StoredEvent<'_>) -> OpenError {
        let name = self.names.as_ref().and_then(|names| names.get(stored.kind));
        OpenError::UnknownKind {
            kind: name.unwrap_or("(no name)").to_owned(),
            position: Position::at(stored.position),
        }
    }

    pub(crate) fn roll_back(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.roll_back());
    }

    pub(crate) fn keep(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.keep());
    }

    pub(crate) fn aggregates(&self) -> usize {
        self.kinds.iter().map(|kind| kind.aggregates()).sum()
    }

    /// Bytes of the tables that hold the aggregates; what a state owns elsewhere is not in it.
    pub(crate) fn table_bytes(&self) -> usize {
        self.kinds.iter().map(|kind| kind.table_bytes()).sum()
    }

    pub(crate) fn quarantined(&self) -> usize {
        self.kinds.iter().map(|kind| kind.quarantined()).sum()
    }

    /// Takes one aggregate over from a rebuilt state; without one it is quarantined.
    pub(crate) fn replace_from(&mut self, kind: usize, id: StreamId<'_>, rebuilt: Option<Self>) {
        match rebuilt {
            Some(mut state) => self.kinds[kind].replace_from(id, Some(state.kinds[kind].as_mut())),
            None => self.kinds[kind].replace_from(id, None),
        }
    }

    /// O(aggregates): sorts them, serialises each, and hashes the lot.
    pub(crate) fn digest(&self) -> StateDigest {
        let mut hasher = blake3::Hasher::new();
        for kind in self.kinds.iter().filter(|kind| kind.aggregates() > 0) {
            hash_framed(&mut hasher, kind.name().as_bytes());
            kind.visit(&mut |id, version, state| {
                hash_framed(&mut hasher, id.to_string().as_bytes());
                hasher.update(&version.to_le_bytes());
                hash_framed(&mut hasher, state);
            });
        }
        StateDigest(*hasher.finalize().as_bytes())
    }
}

/// Length first, so that no two sequences of fields hash alike.
pub(crate) fn hash_framed(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
