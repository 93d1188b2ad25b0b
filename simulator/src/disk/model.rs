//! All that a disk is at one moment, and what each operation makes of it.

mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use hotledger_journal::{Access, Durability, LockKind};

use self::write::Write;
pub(super) use self::write::WriteId;
use super::{
    fault::{Damage, Effect, Errno, Fault, FaultKind, Fired, Lasting, Operation, OperationKind},
    loss::{Keeper, Loss},
    names::{NameChange, Names, NodeId},
    node::{Layer, Node},
    trace::Trace,
};
use crate::dice::Dice;

/// Everything behind the handle.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) names: Names,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    next_node: NodeId,
    /// Writes begun and not ended.
    pub(super) in_flight: BTreeMap<WriteId, Write>,
    pub(super) next_write: WriteId,
    /// Changes of names that are being made, by the number of their operation.
    underway: BTreeMap<u64, NameChange>,
    pub(super) dice: Dice,
    /// Whether files can be read and written past the page cache.
    pub(super) direct: bool,
    /// Whether room can be set aside for a file.
    pub(super) reserves: bool,
    dead: bool,
    pub(super) locks: Locks,
    pub(super) capacity: Option<u64>,
    pub(super) plan: BTreeMap<u64, Fault>,
    lasting: Vec<Lasting>,
    pub(super) operations: u64,
    pub(super) trace: Trace,
    pub(super) fired: Fired,
    pub(super) damage: Vec<Damage>,
}

/// Who holds the directory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Locks {
    pub(super) exclusive: bool,
    pub(super) shared: usize,
}

/// What every call answers once the machine or the process is gone.
pub(super) fn gone() -> io::Error {
    io::Error::other("this disk is gone: its power was cut or its process killed")
}

impl Model {
    pub(super) fn new(seed: u64) -> Model {
        Model {
            names: Names::default(),
            nodes: BTreeMap::new(),
            next_node: 0,
            in_flight: BTreeMap::new(),
            next_write: 0,
            underway: BTreeMap::new(),
            dice: Dice::new(seed),
            direct: true,
            reserves: true,
            dead: false,
            locks: Locks::default(),
            capacity: None,
            plan: BTreeMap::new(),
            lasting: Vec::new(),
            operations: 0,
            trace: Trace::default(),
            fired: Fired::default(),
            damage: Vec::new(),
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(super) fn die(&mut self) {
        self.dead = true;
    }

    pub(super) fn heal(&mut self) {
        self.lasting.clear();
    }

    /// The same for somebody else: nobody holds it, nothing is planned.
    pub(super) fn fork(&self) -> Model {
        let mut fork = Model { locks: Locks::default(), plan: BTreeMap::new(), ..self.clone() };
        fork.nodes.values_mut().for_each(|node| node.handles = 0);
        fork
    }

    /// Counts an operation and begins its change of a name; the fault planned for it.
    pub(super) fn begin(
        &mut self,
        operation: &mut Operation,
        underway: Option<NameChange>,
    ) -> Option<Fault> {
        operation.number = self.operations;
        self.operations += 1;
        self.underway.extend(underway.map(|change| (operation.number, change)));
        self.plan.remove(&operation.number)
    }

    /// Decides what becomes of a begun operation. Where the power is cut, what was begun stays
    /// begun.
    pub(super) fn decide(
        &mut self,
        fault: Option<Fault>,
        operation: &Operation,
    ) -> io::Result<(Effect, Option<NameChange>)> {
        if self.dead {
            return Err(gone());
        }
        let kind = operation.kind;
        let effect = match fault.map_or(Effect::Nothing, |fault| fault.effect_on(kind)) {
            Effect::Dies(how) => {
                self.dead = true;
                self.fired.add(how, 1);
                return Err(gone());
            }
            Effect::Lasts(lasting) => {
                self.lasting.push(lasting);
                Effect::Nothing
            }
            Effect::DiskFull => {
                self.capacity = Some(self.used());
                Effect::Nothing
            }
            effect => effect,
        };
        let lasting = self.lasting.iter().find_map(|lasting| lasting.errno(kind));
        let effect = match lasting {
            Some(errno) if effect == Effect::Nothing => Effect::Fails(errno),
            _ => effect,
        };
        if let Effect::Fails(errno) = effect {
            self.count_failure(errno, kind);
        }
        Ok((effect, self.underway.remove(&operation.number)))
    }

    fn count_failure(&mut self, errno: Errno, kind: OperationKind) {
        let sync = matches!(kind, OperationKind::Sync | OperationKind::SyncDirectory);
        let counted = match errno {
            _ if sync => FaultKind::FailedSync,
            Errno::NoSpace => FaultKind::NoSpace,
            Errno::NoDescriptor => FaultKind::NoDescriptor,
            Errno::Io | Errno::BadDescriptor => FaultKind::Eio,
        };
        self.fired.add(counted, 1);
    }

    /// A number for a file's contents, which nobody can name yet.
    pub(super) fn new_node(&mut self) -> NodeId {
        let node = self.next_node;
        self.next_node += 1;
        self.nodes.insert(node, Node::default());
        node
    }

    /// Where a reader of such a file gets its bytes.
    pub(super) fn read_layer(&self, access: Access) -> Layer {
        match access {
            Access::ReadDirect | Access::Fill | Access::Commit(Durability::Synced)
                if self.direct =>
            {
                Layer::Device
            }
            _ => Layer::Cache,
        }
    }

    pub(super) fn node(&mut self, node: NodeId) -> &mut Node {
        self.nodes.get_mut(&node).expect("a file that is open or named has contents")
    }

    /// Bytes of all files that have a name.
    pub(super) fn used(&self) -> u64 {
        let nodes: BTreeSet<NodeId> = self.names.iter().map(|(_, node)| node).collect();
        nodes.iter().map(|node| self.nodes[node].size()).sum()
    }

    /// Bytes by which files may still grow.
    pub(super) fn room(&self) -> u64 {
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    /// Makes a change of a name, or a failing one perhaps.
    pub(super) fn change_name(&mut self, effect: Effect, change: NameChange) -> io::Result<()> {
        let creates = matches!(change, NameChange::Create { .. });
        match effect {
            Effect::Fails(errno) => {
                if errno == Errno::Io && self.dice.coin() {
                    self.names.change(change);
                }
                Err(errno.error())
            }
            _ if creates && self.room() == 0 => {
                self.fired.add(FaultKind::NoSpace, 1);
                Err(Errno::NoSpace.error())
            }
            _ => {
                self.names.change(change);
                Ok(())
            }
        }
    }

    /// Makes a file at least so long, where there is room, or a failing one perhaps.
    pub(super) fn reserve(&mut self, effect: Effect, node: NodeId, bytes: u64) -> io::Result<()> {
        if let Effect::Fails(errno) = effect {
            if errno == Errno::Io && self.dice.coin() {
                self.node(node).grow(bytes, Layer::Cache);
            }
            return Err(errno.error());
        }
        if bytes > self.room().saturating_add(self.node(node).size()) {
            self.fired.add(FaultKind::NoSpace, 1);
            return Err(Errno::NoSpace.error());
        }
        self.node(node).grow(bytes, Layer::Cache);
        Ok(())
    }

    pub(super) fn sync(&mut self, effect: Effect, node: NodeId) -> io::Result<()> {
        let mut dice = self.dice.split();
        match effect {
            Effect::Fails(errno) => {
                self.node(node).sync_fails(&mut dice);
                Err(errno.error())
            }
            _ => {
                self.node(node).sync();
                Ok(())
            }
        }
    }

    /// Makes names durable; a failing sync some of them, and the rest is tried again.
    pub(super) fn sync_directory(&mut self, effect: Effect) -> io::Result<()> {
        if let Effect::Fails(errno) = effect {
            let dice = self.dice.split();
            let mut keeper = Keeper::new(Loss::Seeded, 0, dice);
            let wanted = keeper.names(self.names.unsynced_count());
            self.names.sync_some(&wanted);
            return Err(errno.error());
        }
        self.names.sync();
        self.forget_unreachable();
        Ok(())
    }

    /// What the machine finds when the power is back.
    pub(super) fn power_cut(&mut self, loss: Loss) {
        if !self.dead {
            self.fired.add(FaultKind::PowerCut, 1);
        }
        for change in std::mem::take(&mut self.underway).into_values() {
            self.names.change(change);
        }
        for (id, write) in std::mem::take(&mut self.in_flight) {
            self.leave_to_chance(id, &write);
        }
        let sectors = self.nodes.values().map(Node::dirty_sectors).sum();
        let mut keeper = Keeper::new(loss, sectors, self.dice.split());
        self.nodes.values_mut().for_each(|node| node.power_cut(&mut keeper));
        let wanted = keeper.names(self.names.unsynced_count());
        let lost = self.names.sync_some(&wanted);
        self.names.power_cut();
        self.fired.add(FaultKind::TornWrite, keeper.torn());
        self.fired.add(FaultKind::UnsyncedLost, keeper.lost());
        self.fired.add(FaultKind::NameLost, lost as u64);
        self.start_again();
    }

    /// What the next process finds: the page cache as it is, what was under way half done.
    pub(super) fn kill(&mut self) {
        if !self.dead {
            self.fired.add(FaultKind::Kill, 1);
        }
        for change in std::mem::take(&mut self.underway).into_values() {
            if self.dice.coin() {
                self.names.change(change);
            }
        }
        for (id, write) in std::mem::take(&mut self.in_flight) {
            self.half_do(id, &write);
        }
        self.start_again();
    }

    fn start_again(&mut self) {
        self.dead = false;
        self.locks = Locks::default();
        self.nodes.values_mut().for_each(|node| node.handles = 0);
        self.forget_unreachable();
    }

    fn forget_unreachable(&mut self) {
        let written = self.in_flight.values().flat_map(Write::nodes);
        let created = self.underway.values().filter_map(NameChange::created);
        let busy: BTreeSet<NodeId> = written.chain(created).collect();
        let names = &self.names;
        self.nodes
            .retain(|node, it| it.handles > 0 || names.mentions(*node) || busy.contains(node));
    }

    pub(super) fn differences(&self, other: &Model) -> Vec<String> {
        let names: BTreeSet<&Arc<str>> =
            self.names.iter().chain(other.names.iter()).map(|(name, _)| name).collect();
        let here = |model: &Model, name: &str| Some(model.nodes[&model.names.get(name)?].clone());
        let differs = |name: &&Arc<str>| match (here(self, name), here(other, name)) {
            (Some(one), Some(other)) => !one.is_same(&other),
            (one, other) => one.is_some() || other.is_some(),
        };
        names.into_iter().filter(differs).map(|name| name.to_string()).collect()
    }

    /// The name a file has now, for a description.
    pub(super) fn called(&self, node: NodeId) -> String {
        self.names.name_of(node).unwrap_or_else(|| Arc::from("(removed)")).to_string()
    }
}

impl Locks {
    pub(super) fn take(&mut self, kind: LockKind) -> io::Result<()> {
        let free = !self.exclusive && (kind == LockKind::Shared || self.shared == 0);
        if !free {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match kind {
            LockKind::Shared => self.shared += 1,
            LockKind::Exclusive => self.exclusive = true,
        }
        Ok(())
    }

    pub(super) fn release(&mut self, kind: LockKind) {
        match kind {
            LockKind::Shared => self.shared -= 1,
            LockKind::Exclusive => self.exclusive = false,
        }
    }
}
