//! The directory: names as they are seen, and as a power cut would leave them.

use std::{collections::BTreeMap, sync::Arc};

/// Number of a file's contents, whatever it is called.
pub(super) type NodeId = u64;

/// Names seen now, names on the media, and the changes between the two in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    seen: BTreeMap<Arc<str>, NodeId>,
    durable: BTreeMap<Arc<str>, NodeId>,
    unsynced: Vec<NameChange>,
}

/// One change of the directory.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Create { name: Arc<str>, node: NodeId },
    Remove { name: Arc<str> },
    Rename { from: Arc<str>, to: Arc<str> },
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<NodeId> {
        self.seen.get(name).copied()
    }

    /// What a file is called now.
    pub(super) fn name_of(&self, node: NodeId) -> Option<Arc<str>> {
        self.iter().find(|(_, it)| *it == node).map(|(name, _)| name.clone())
    }

    /// All names with their files, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, NodeId)> {
        self.seen.iter().map(|(name, node)| (name, *node))
    }

    pub(super) fn change(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    pub(super) fn unsynced_count(&self) -> usize {
        self.unsynced.len()
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        self.durable = self.seen.clone();
        self.unsynced.clear();
    }

    /// Makes some changes durable; a change of a name waits for all earlier ones of it. How many
    /// are not.
    pub(super) fn sync_some(&mut self, wanted: &[bool]) -> usize {
        assert_eq!(wanted.len(), self.unsynced.len(), "a choice for every change");
        let mut waiting: Vec<NameChange> = Vec::new();
        for (change, wanted) in std::mem::take(&mut self.unsynced).into_iter().zip(wanted) {
            if *wanted && !waiting.iter().any(|earlier| earlier.shares_name(&change)) {
                change.apply(&mut self.durable);
            } else {
                waiting.push(change);
            }
        }
        self.unsynced = waiting;
        self.unsynced.len()
    }

    /// Forgets what is not durable.
    pub(super) fn power_cut(&mut self) {
        self.seen = self.durable.clone();
        self.unsynced.clear();
    }

    /// Whether any name, seen or durable, may still lead to a file.
    pub(super) fn mentions(&self, node: NodeId) -> bool {
        let created = self.unsynced.iter().filter_map(NameChange::created);
        let mut named = self.seen.values().chain(self.durable.values()).copied().chain(created);
        named.any(|it| it == node)
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<Arc<str>, NodeId>) {
        match self {
            NameChange::Create { name, node } => {
                names.insert(name.clone(), *node);
            }
            NameChange::Remove { name } => {
                names.remove(name);
            }
            NameChange::Rename { from, to } => {
                let node = names.remove(from).expect("a name's changes are applied in order");
                names.insert(to.clone(), node);
            }
        }
    }

    /// The contents it gives a name for the first time.
    pub(super) fn created(&self) -> Option<NodeId> {
        match self {
            NameChange::Create { node, .. } => Some(*node),
            NameChange::Remove { .. } | NameChange::Rename { .. } => None,
        }
    }

    fn shares_name(&self, other: &NameChange) -> bool {
        self.names()
            .iter()
            .flatten()
            .any(|name| other.names().iter().flatten().any(|it| it == name))
    }

    fn names(&self) -> [Option<&Arc<str>>; 2] {
        match self {
            NameChange::Create { name, .. } | NameChange::Remove { name } => [Some(name), None],
            NameChange::Rename { from, to } => [Some(from), Some(to)],
        }
    }
}
