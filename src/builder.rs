//! Says what an engine is made of, and wires the whole machine in one place.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crossbeam_channel::bounded;
use hotledger_journal::{Disk, Durability, FileDisk, Fill, Journal, MemoryDisk, Options};

use crate::aggregate::Aggregate;
use crate::archive::Archive;
use crate::clock::{Clock, SystemClock};
use crate::durable::DurableLine;
use crate::ease::breathe;
use crate::engine::{Engine, Parts};
use crate::error::OpenError;
use crate::feed::feed;
use crate::figures::Figures;
use crate::limits::{KEYS_MAX, MAILBOX_COMMANDS_MAX};
use crate::read::{KeyedTable, ProjectorStage, WholeView};
use crate::recover::{Rebuild, Recipe, Recovered, Shelf, SnapshotBuilder, SnapshotPolicy, recover};
use crate::sources::Sources;
use crate::stages::{SegmentStage, SnapshotStage, Stages, WriterStage};
use crate::state::Blueprint;
use crate::threads::Threads;
use crate::timeline::{Beside, Busy, timekeeper};
use crate::view::{Table, View};
use crate::wait::Wait;
use crate::write::{Quiet, Writer, doorbell, mailbox};

/// Says what an engine is made of; `open` recovers it and starts it.
#[must_use = "an engine runs once it is opened"]
pub struct Builder {
    place: Place,
    snapshots: Option<Place>,
    blueprint: Blueprint,
    projections: Vec<Projecting>,
    projected: Vec<fn(&Blueprint)>,
    options: Options,
    policy: SnapshotPolicy,
    keys_max: usize,
    mailbox_commands_max: usize,
    wait: Wait,
    clock: Arc<dyn Clock>,
    times_every: Option<NonZeroU32>,
}

/// Where files are kept.
enum Place {
    Directory(PathBuf),
    Disk(Arc<dyn Disk>),
}

impl Place {
    fn disk(&self) -> Result<Arc<dyn Disk>, OpenError> {
        Ok(match self {
            Self::Directory(path) => Arc::new(FileDisk::open(path)?),
            Self::Disk(disk) => Arc::clone(disk),
        })
    }

    fn existing_disk(&self) -> Result<Arc<dyn Disk>, OpenError> {
        Ok(match self {
            Self::Directory(path) => Arc::new(FileDisk::open_existing(path)?),
            Self::Disk(disk) => Arc::clone(disk),
        })
    }
}

/// Makes one projector once the feed exists.
type Projecting = Box<dyn FnOnce(&mut Sources) -> Result<ProjectorStage, OpenError> + Send>;

impl Engine {
    /// An engine whose journal lies in this directory; it is created when it is missing.
    pub fn builder(directory: impl Into<PathBuf>) -> Builder {
        Builder::new(Place::Directory(directory.into()))
    }

    /// An engine on a disk of the caller's: a memory disk to reopen, or a faulty one.
    pub fn builder_on(disk: Arc<dyn Disk>) -> Builder {
        Builder::new(Place::Disk(disk))
    }

    /// An engine in memory, for tests: everything works, nothing survives.
    pub fn in_memory() -> Builder {
        Self::builder_on(Arc::new(MemoryDisk::new()))
    }
}

impl Builder {
    fn new(place: Place) -> Self {
        Self {
            place,
            snapshots: None,
            blueprint: Blueprint::default(),
            projections: Vec::new(),
            projected: Vec::new(),
            options: Options::default(),
            policy: SnapshotPolicy::default(),
            keys_max: KEYS_MAX,
            mailbox_commands_max: MAILBOX_COMMANDS_MAX,
            wait: Wait::default(),
            clock: Arc::new(SystemClock),
            times_every: None,
        }
    }

    /// Registers a kind of aggregate. Every kind in the journal must be registered.
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        self.blueprint.register::<A>();
        self
    }

    /// Registers a whole view over one kind, refilled from the journal at every start.
    ///
    /// # Panics
    /// `open` panics when the kind is not registered.
    pub fn view<V: View<A>, A: Aggregate>(mut self) -> Self {
        self.projected.push(expect_registered::<A>);
        self.projections.push(Box::new(|sources| {
            let (projection, source) = WholeView::<V, A>::new();
            sources.add_view::<V, A>(projection, source)
        }));
        self
    }

    /// Registers a keyed table over one kind, refilled from the journal at every start.
    ///
    /// # Panics
    /// `open` panics when the kind is not registered.
    pub fn table<T: Table<A>, A: Aggregate>(mut self) -> Self {
        self.projected.push(expect_registered::<A>);
        self.projections.push(Box::new(|sources| {
            let (projection, shown) = KeyedTable::<T, A>::new();
            sources.add_table::<T, A>(projection, shown)
        }));
        self
    }

    /// What "committed" means; `Synced` unless said otherwise.
    ///
    /// `Volatile` in a directory keeps the journal nowhere, for measuring: there are no snapshots
    /// and no past, receipts have no chain, a view that falls far behind stands still, and an
    /// aggregate whose `evolve` panics is quarantined.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// When snapshots are built; after a million events unless said otherwise.
    pub fn snapshots(mut self, policy: SnapshotPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Keeps the snapshots in a directory of their own instead of beside the journal.
    pub fn snapshots_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.snapshots = Some(Place::Directory(directory.into()));
        self
    }

    /// How many command keys are remembered; a million unless said otherwise. 0 takes none. A
    /// command whose key has been forgotten takes effect again.
    ///
    /// Each takes up to 90 bytes of memory, set aside by the first key (for the first four million)
    /// and touched as keys come, and each batch with a key 40 to 80 bytes more.
    ///
    /// # Panics
    /// `open` panics beyond a billion (2^30).
    pub fn keys_max(mut self, keys: usize) -> Self {
        self.keys_max = keys;
        self
    }

    /// How many one-shot commands may wait before one is answered `Overloaded`; 8,192 unless said
    /// otherwise.
    pub fn mailbox_commands_max(mut self, commands: usize) -> Self {
        self.mailbox_commands_max = commands;
        self
    }

    /// How the writer and its callers wait.
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Keeps the times of one batch in so many for
    /// [`Engine::take_batch_times`](crate::Engine::take_batch_times). Costs seven clock reads for
    /// such a batch; without it nothing.
    pub fn batch_times(mut self, every: NonZeroU32) -> Self {
        self.times_every = Some(every);
        self
    }

    /// Where event times come from.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Bytes of the journal's segments: of the first one, and of the one at which doubling ends.
    /// Whole blocks of 4 KiB from 1 MiB to 1 GiB, 4 and 64 MiB unless said otherwise; with others
    /// `open` answers that the options are invalid.
    pub fn segment_bytes(mut self, first: u64, max: u64) -> Self {
        self.options.segment_bytes_first = first;
        self.options.segment_bytes_max = max;
        self
    }

    /// Which of the journal's segments are filled with zeros ahead of need; those for small batches
    /// unless said otherwise. See [`Fill`].
    pub fn fill(mut self, fill: Fill) -> Self {
        self.options.fill = fill;
        self
    }

    /// Refuses to open a directory without a journal, instead of beginning one there.
    pub fn must_exist(mut self) -> Self {
        self.options.must_exist = true;
        self
    }

    /// Opens the directory for looking only: no threads, no byte changed, no engine beside it. A
    /// `lock` file that is missing is made.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_read_only(self) -> Result<Archive, OpenError> {
        let disk = self.place.existing_disk()?;
        // A place for snapshots that is not there holds none.
        let snapshots = self.snapshots.as_ref().map(Place::existing_disk);
        let shelf = Shelf::new(snapshots.and_then(Result::ok).unwrap_or_else(|| disk.clone()));
        let recipe = self.recipe(shelf);
        Archive::open(disk, recipe)
    }

    /// Recovers everything, then starts the engine.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(self) -> Result<Engine, OpenError> {
        let (parts, stages) = self.wire()?;
        let threads =
            Threads::start(stages).map_err(|error| OpenError::Threads(Arc::new(error)))?;
        Ok(Engine::assemble(parts, threads))
    }

    /// Recovers everything and starts no thread: whoever holds the [`Stages`] says who goes next.
    /// For simulators; see the crate `hotledger-simulator`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_stepped(self) -> Result<(Engine, Stages), OpenError> {
        let (parts, stages) = self.wire()?;
        Ok((Engine::assemble(parts, Threads::none()), stages))
    }

    /// Puts the whole machine together.
    fn wire(mut self) -> Result<(Parts, Stages), OpenError> {
        // 1. Lock, snapshot, tail, fence.
        self.check()?;
        let disk = self.disk_to_write()?;
        let recipe = self.recipe(self.shelf(&disk)?);
        let recovered = recover(disk, self.options.clone(), &recipe)?;
        let Recovered { folded, mut journal, report } = recovered;
        let (reads, journal_id) = (journal.reads(), journal.journal_id());

        // 2. Readers see what is durable from here on.
        let (feed, feeds) = feed(folded.position, reads.clone());

        // 3. Snapshots, beside everything else.
        let is_synced = journal.durable_end().2.durability() == Durability::Synced;
        let gently = if is_synced { reads.clone().at_ease(breathe) } else { reads.clone() };
        let history = (gently, journal_id);
        let from = (report.snapshot, folded.tail_bytes);
        let builder = SnapshotBuilder::new(self.policy, recipe.clone(), history, from);
        let (snapshot_bell, rings) = bounded(1);
        let due = builder.due();
        let beside = Beside::default();
        let snapshots = SnapshotStage { builder, rings, busy: beside.snapshot.clone() };

        // 4. Segments, prepared ahead of need.
        let segments = prepare_ahead(&mut journal, beside.filling.clone());

        // 5. The writer behind its mailbox.
        let halted = Arc::new(OnceLock::new());
        let (sleeper, bell) = doorbell();
        let (mailbox, inbox) = mailbox(self.mailbox_commands_max, bell, Arc::clone(&halted));
        let figures = Arc::new(Figures::new(folded.position, &folded.state, &folded.keys));
        let segment = reads.durable_cursor().segment;
        let keep = |every| timekeeper(every, beside, segment);
        let (timekeeper, times) = self.times_every.map(keep).unzip();
        let writer = Writer {
            line: DurableLine::recovered(&journal),
            last_submitted: 0,
            state: folded.state,
            keys: folded.keys,
            journal,
            inbox,
            feed,
            clock: Arc::clone(&self.clock),
            figures: Arc::clone(&figures),
            due,
            snapshot_bell,
            rebuild: Rebuild { recipe, journal_id },
            halted,
            now: folded.time,
            segment,
            lanes: Vec::new(),
            settled: VecDeque::new(),
            closing: false,
            sessions_first: false,
            quiet: Quiet::Settled,
            timekeeper,
        };
        let wait = self.wait;
        let writer = WriterStage { writer: Some(writer), sleeper, wait };

        // 6. The projectors.
        let mut sources = Sources::new(feeds, self.clock);
        let add = |add: Projecting| add(&mut sources);
        let projectors = self.projections.into_iter().map(add).collect::<Result<_, _>>()?;

        let blueprint = self.blueprint;
        let parts = Parts { mailbox, blueprint, wait, journal_id, sources, figures, times, report };
        Ok((parts, Stages::new(writer, snapshots, segments, projectors)))
    }

    /// Refuses what cannot work before anything is touched; takes what follows from the rest.
    fn check(&mut self) -> Result<(), OpenError> {
        self.blueprint.empty_state()?;
        self.projected.iter().for_each(|check| check(&self.blueprint));
        self.options.names = self.blueprint.names()?;
        if self.forgets() {
            self.policy = SnapshotPolicy::Never;
        }
        Ok(())
    }

    fn recipe(&self, shelf: Shelf) -> Recipe {
        Recipe { blueprint: self.blueprint.clone(), keys_max: self.keys_max, shelf }
    }

    /// Whether what is written is kept nowhere, so that nothing can be folded from it again.
    fn forgets(&self) -> bool {
        let in_directory = matches!(self.place, Place::Directory(_));
        in_directory && self.options.durability == Durability::Volatile
    }

    /// `Volatile` in a directory touches no disk at all; on a disk of the caller's it is the
    /// caller's disk that says what it keeps.
    fn disk_to_write(&self) -> Result<Arc<dyn Disk>, OpenError> {
        match (&self.place, self.options.durability) {
            (Place::Directory(_), Durability::Volatile) => Ok(Arc::new(MemoryDisk::forgetful())),
            (place, _) if self.options.must_exist => place.existing_disk(),
            (place, _) => place.disk(),
        }
    }

    fn shelf(&self, beside: &Arc<dyn Disk>) -> Result<Shelf, OpenError> {
        Ok(Shelf::new(match &self.snapshots {
            Some(place) => place.disk()?,
            None => Arc::clone(beside),
        }))
    }
}

/// Prepares segments on a stage of its own, rung when the writer has taken one.
fn prepare_ahead(journal: &mut Journal, busy: Busy) -> SegmentStage {
    let (bell, rings) = bounded(1);
    let wake = Box::new(move || {
        // One ring that is still unheard is enough.
        let _ = bell.try_send(());
    });
    SegmentStage { preparer: journal.preparer(wake), rings, busy }
}

fn expect_registered<A: Aggregate>(blueprint: &Blueprint) {
    assert!(
        blueprint.index_of::<A>().is_some(),
        "a view is over kind `{}`, which is not registered; add `.aggregate::<…>()` to the builder",
        A::KIND
    );
}
