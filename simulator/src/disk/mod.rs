//! A directory of files in memory that behaves as a disk may, at its worst.

mod fault;
mod file;
mod loss;
mod model;
mod names;
mod node;
mod pages;
mod queue;
mod trace;

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use fault::{Damage, DamageKind, Fault, FaultKind, Fired, Operation, OperationKind, Scope};
use fault::{Effect, Errno};
use file::ModelFile;
use hotledger_journal::{Access, Disk, DiskFile, DiskLock, Durability, LockKind, WriteQueue};
pub use loss::Loss;
use model::{Model, gone};
use names::NameChange;
use queue::ModelQueue;

const LOCK_NAME: &str = "lock";

/// Chooses a fault for the operation at hand, or none. It may look at the disk and
/// [`fork`](ModelDisk::fork) it; it must not read or write on it.
pub type Chooser = Box<dyn FnMut(&Operation) -> Option<Fault> + Send>;

/// A disk in memory of which a test decides what it loses and when it fails. A clone is the same
/// disk; [`fork`](ModelDisk::fork) makes another.
///
/// # What it models
/// Three layers. The **page cache** shows a write at once. The **device** has what was written
/// past the cache, synced or written back; [`Access::ReadDirect`] reads it. The **media** keep
/// what a power cut leaves, by sectors of 512 bytes, each whole or not at all.
///
/// - A write to an [`Access::Commit`]`(Synced)` file is on the media when it has ended. One that
///   was begun and not ended leaves any of its sectors. Through [`Disk::writer`] several may be
///   in flight, and they end in an order the seed chooses.
/// - Other writes are in the page cache until [`DiskFile::sync`]; a power cut leaves any of
///   their sectors, each as it was after any of the writes to it, and a size between the one
///   synced and the present one.
/// - Room that is set aside makes a file longer, as a write of zeros does, and takes of the disk's
///   capacity at once; [`without_reserving`](ModelDisk::without_reserving) refuses it.
/// - Names are durable at [`Disk::sync_directory`]; a power cut keeps the changes since from the
///   first up to any of them, or any subset in which changes of the same name stay in order.
/// - A failed sync of a file leaves the new bytes in the cache and any of them on the device, and
///   the next sync answers that all is well. A failed sync of the directory makes some changes
///   durable and the next one the rest.
/// - An operation that answers `EIO` may have happened in part. What such a write brought to the
///   device, a power cut may still take.
/// - A killed process leaves the page cache as it is, and half of what it was doing.
///
/// Faults are [planned](ModelDisk::plan) by the number of the operation or
/// [chosen](ModelDisk::set_chooser) as they come. All else that is left to chance is decided by
/// the seed: the same calls meet the same fate, which [`trace`](ModelDisk::trace) shows.
///
/// It is not a file system: no directories in it, no links, no truncation, no sparse files (a
/// file uses the room of its size), and no time passes.
#[derive(Clone)]
pub struct ModelDisk {
    model: Arc<Mutex<Model>>,
    chooser: Arc<Mutex<Option<Chooser>>>,
    writes_in_flight: usize,
}

impl ModelDisk {
    /// An empty disk on which chance falls as this seed says.
    pub fn new(seed: u64) -> ModelDisk {
        ModelDisk::of(Model::new(seed), Arc::default(), 1)
    }

    fn of(model: Model, chooser: Arc<Mutex<Option<Chooser>>>, writes_in_flight: usize) -> Self {
        ModelDisk { model: Arc::new(Mutex::new(model)), chooser, writes_in_flight }
    }

    /// The same disk, whose queues take so many writes in flight.
    ///
    /// # Panics
    /// When that is none.
    pub fn with_writes_in_flight(self, writes: usize) -> ModelDisk {
        assert!(writes > 0, "let at least one write be in flight");
        ModelDisk { writes_in_flight: writes, ..self }
    }

    /// The same disk, on a file system that refuses to go past the page cache: all reads see the
    /// cache, and a durable write goes through it. Where one fails, the cache shows all of it and
    /// the media have any part.
    pub fn without_direct(self) -> ModelDisk {
        self.model().direct = false;
        self
    }

    /// The same disk, on a file system that cannot set room aside: files grow as they are written.
    pub fn without_reserving(self) -> ModelDisk {
        self.model().reserves = false;
        self
    }

    /// A disk of its own that is as this one is now. It costs little: pages are shared until one
    /// of the two writes to them. What is in flight is in flight there too, for
    /// [`crash`](ModelDisk::crash) or [`kill`](ModelDisk::kill) to settle. Nobody holds its lock,
    /// and plan and chooser stay here.
    pub fn fork(&self) -> ModelDisk {
        ModelDisk::of(self.model().fork(), Arc::default(), self.writes_in_flight)
    }

    /// Lets chance fall by another seed from now on.
    pub fn reseed(&self, seed: u64) {
        self.model().dice = crate::Dice::new(seed);
    }

    /// Cuts the power: the disk as it is found afterwards, with what chance has left of it. Every
    /// further call on this one answers an error. Plan, chooser and counts go on there.
    pub fn crash(&self) -> ModelDisk {
        self.crash_with(Loss::Seeded)
    }

    /// Cuts the power and says what is lost.
    pub fn crash_with(&self, loss: Loss) -> ModelDisk {
        self.end_with(|model| model.power_cut(loss))
    }

    /// Kills the process: the disk as the next one finds it, page cache included. Every further
    /// call on this one answers an error. Plan, chooser and counts go on there.
    pub fn kill(&self) -> ModelDisk {
        self.end_with(Model::kill)
    }

    fn end_with(&self, how: impl FnOnce(&mut Model)) -> ModelDisk {
        let mut next = self.model().clone();
        self.model().die();
        how(&mut next);
        ModelDisk::of(next, self.chooser.clone(), self.writes_in_flight)
    }

    /// Whether it was crashed or killed.
    pub fn is_gone(&self) -> bool {
        self.model().is_dead()
    }

    /// Lets the operation of this number meet a fault, before the chooser is asked.
    pub fn plan(&self, operation: u64, fault: Fault) {
        self.model().plan.insert(operation, fault);
    }

    /// Asks for a fault at every operation from now on.
    pub fn set_chooser(&self, chooser: Chooser) {
        *self.chooser.lock().unwrap_or_else(PoisonError::into_inner) = Some(chooser);
    }

    /// Ends plan, chooser and what fails for ever. A full disk stays full.
    pub fn heal(&self) {
        *self.chooser.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut model = self.model();
        model.plan.clear();
        model.heal();
    }

    /// Bytes that all files together may have; `None` for any number.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.model().capacity = bytes;
    }

    /// Bytes that all files together have.
    pub fn used(&self) -> u64 {
        self.model().used()
    }

    /// How many operations were begun; the number of the next one.
    pub fn operations(&self) -> u64 {
        self.model().operations
    }

    /// A hash over every operation so far and what became of it.
    pub fn trace(&self) -> u64 {
        self.model().trace.hash()
    }

    /// How often each kind of fault really took effect.
    pub fn fired(&self) -> Fired {
        self.model().fired.clone()
    }

    /// All damage done in silence so far.
    pub fn damage(&self) -> Vec<Damage> {
        self.model().damage.clone()
    }

    /// Flips bits of one byte on the media, under a page cache that has let go of it unless it is
    /// dirty.
    ///
    /// # Errors
    /// `NotFound` where there is no such file, `UnexpectedEof` behind its end, `InvalidInput`
    /// where no bit is to be flipped.
    pub fn rot(&self, file: &str, offset: u64, bits: u8) -> io::Result<Damage> {
        let mut model = self.model();
        let node = model.names.get(file).ok_or(io::ErrorKind::NotFound)?;
        if bits == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if offset >= model.node(node).size() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        model.node(node).rot(offset, bits);
        model.fired.add(FaultKind::Rot, 1);
        model.trace.add(offset ^ u64::from(bits));
        model.note_damage(DamageKind::Rot, node, offset, 1);
        Ok(model.damage.last().expect("just noted").clone())
    }

    /// Lets the page cache forget everything that is not dirty, as under want of memory. After a
    /// failed sync, reads then find what the device has.
    pub fn evict(&self) {
        self.model().nodes.values_mut().for_each(node::Node::evict);
    }

    /// Names of the files that are not the same on two disks: missing on one of them, or with
    /// another size or other bytes, as the page cache shows them or as the media have them. What
    /// two forks still share costs next to nothing to compare.
    pub fn differences(&self, other: &ModelDisk) -> Vec<String> {
        let one = self.model().clone();
        one.differences(&other.model().clone())
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an operation through its stages: counted, shown to plan and chooser, done or failed,
    /// traced. `prepare` says which change of a name it begins, or why it cannot be.
    fn operate<T>(
        &self,
        mut operation: Operation,
        prepare: impl FnOnce(&mut Model) -> io::Result<Option<NameChange>>,
        act: impl FnOnce(&mut Model, Effect, Option<NameChange>) -> io::Result<T>,
    ) -> io::Result<T> {
        let (prepared, planned) = {
            let mut model = self.model();
            if model.is_dead() {
                return Err(gone());
            }
            let prepared = prepare(&mut model);
            let underway = prepared.as_ref().ok().cloned().flatten();
            (prepared, model.begin(&mut operation, underway))
        };
        let fault = planned.or_else(|| self.choose(&operation));
        let mut model = self.model();
        model.trace.add_operation(&operation);
        let decided = model.decide(fault, &operation);
        let outcome = decided.and_then(|(effect, underway)| match (prepared, effect) {
            (Ok(_), effect) => act(&mut model, effect, underway),
            (Err(_), Effect::Fails(errno)) => Err(errno.error()),
            (Err(refusal), _) => Err(refusal),
        });
        model.trace.add_outcome(&outcome);
        outcome
    }

    fn choose(&self, operation: &Operation) -> Option<Fault> {
        let mut chooser = self.chooser.lock().unwrap_or_else(PoisonError::into_inner);
        chooser.as_mut().and_then(|choose| choose(operation))
    }

    fn handle(
        &self,
        model: &mut Model,
        name: &str,
        access: Access,
    ) -> io::Result<Arc<dyn DiskFile>> {
        let node = model.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        model.node(node).handles += 1;
        let (disk, name) = (self.clone(), Arc::from(name));
        Ok(Arc::new(ModelFile { disk, node, name, access }))
    }
}

impl fmt::Debug for ModelDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model();
        write!(f, "ModelDisk({} operations, trace {:016x})", model.operations, model.trace.hash())
    }
}

impl Operation {
    fn on(kind: OperationKind, file: &str) -> Operation {
        let file = Arc::from(file);
        Operation { number: 0, kind, file, to: None, access: None, offset: 0, bytes: 0 }
    }
}

fn nothing_underway(_: &mut Model) -> io::Result<Option<NameChange>> {
    Ok(None)
}

fn refuse(effect: Effect) -> io::Result<()> {
    if let Effect::Fails(errno) = effect { Err(errno.error()) } else { Ok(()) }
}

impl Disk for ModelDisk {
    fn durability(&self) -> Durability {
        Durability::Synced
    }

    fn describe(&self) -> String {
        format!("model of a disk, {} writes in flight", self.writes_in_flight)
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        let create = |model: &mut Model| {
            Ok(model
                .names
                .get(LOCK_NAME)
                .is_none()
                .then(|| NameChange::Create { name: Arc::from(LOCK_NAME), node: model.new_node() }))
        };
        self.operate(
            Operation::on(OperationKind::Lock, LOCK_NAME),
            create,
            |model, effect, made| {
                match made {
                    Some(create) => model.change_name(effect, create)?,
                    None => refuse(effect)?,
                }
                model.locks.take(kind)?;
                let lock: Box<dyn DiskLock> = Box::new(ModelLock { disk: self.clone(), kind });
                Ok(lock)
            },
        )
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let operation = Operation::on(OperationKind::List, "");
        self.operate(operation, nothing_underway, |model, effect, _| {
            refuse(effect)?;
            Ok(model.names.iter().map(|(name, _)| name.to_string()).collect())
        })
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let operation =
            Operation { access: Some(access), ..Operation::on(OperationKind::Create, name) };
        let prepare = |model: &mut Model| match model.names.get(name) {
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => {
                let node = model.new_node();
                Ok(Some(NameChange::Create { name: Arc::from(name), node }))
            }
        };
        self.operate(operation, prepare, |model, effect, create| {
            model.change_name(effect, create.expect("prepared"))?;
            self.handle(model, name, access)
        })
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let operation =
            Operation { access: Some(access), ..Operation::on(OperationKind::Open, name) };
        self.operate(operation, nothing_underway, |model, effect, _| {
            refuse(effect)?;
            self.handle(model, name, access)
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to: Arc<str> = Arc::from(to);
        let operation =
            Operation { to: Some(to.clone()), ..Operation::on(OperationKind::Rename, from) };
        let prepare = |model: &mut Model| {
            model.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            Ok(Some(NameChange::Rename { from: Arc::from(from), to }))
        };
        self.operate(operation, prepare, |model, effect, rename| {
            model.change_name(effect, rename.expect("prepared"))
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let prepare = |model: &mut Model| {
            model.names.get(name).ok_or(io::ErrorKind::NotFound)?;
            Ok(Some(NameChange::Remove { name: Arc::from(name) }))
        };
        let operation = Operation::on(OperationKind::Remove, name);
        self.operate(operation, prepare, |model, effect, remove| {
            model.change_name(effect, remove.expect("prepared"))
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        let operation = Operation::on(OperationKind::SyncDirectory, "");
        self.operate(operation, nothing_underway, |model, effect, _| model.sync_directory(effect))
    }

    fn writer(&self, _durability: Durability) -> Box<dyn WriteQueue> {
        // The file's own access carries the durability.
        Box::new(ModelQueue::new(self.clone(), self.writes_in_flight))
    }

    fn random(&self) -> [u8; 16] {
        let mut model = self.model();
        let (low, high) = (model.dice.number(), model.dice.number());
        (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
    }
}

struct ModelLock {
    disk: ModelDisk,
    kind: LockKind,
}

impl DiskLock for ModelLock {}

impl Drop for ModelLock {
    fn drop(&mut self) {
        self.disk.model().locks.release(self.kind);
    }
}
