//! The ways a disk fails, and the operations it can fail at.

use std::{collections::BTreeMap, sync::Arc};

use hotledger_journal::Access;

/// One call to the disk, before it takes effect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// Counted from 0 over the disk's whole life, crashes included.
    pub number: u64,
    /// What is asked.
    pub kind: OperationKind,
    /// The file's name when it was opened; empty for operations on the directory as a whole.
    pub file: Arc<str>,
    /// The new name in a rename.
    pub to: Option<Arc<str>>,
    /// What the file is, or is to be, opened for.
    pub access: Option<Access>,
    /// Byte at which a read or write begins.
    pub offset: u64,
    /// Bytes to read, to write or to set room aside for.
    pub bytes: u64,
}

/// What a call asks of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OperationKind {
    /// Takes the directory's lock, and creates its file where there is none.
    Lock,
    /// Reads the directory.
    List,
    /// Creates a file.
    Create,
    /// Opens a file.
    Open,
    /// Asks for a file's size.
    Size,
    /// Reads from a file.
    Read,
    /// Writes to a file and waits for it.
    Write,
    /// Sets room aside for a file.
    Reserve,
    /// Hands a journal write to the queue. Its completion is no operation of its own.
    Submit,
    /// Syncs a file.
    Sync,
    /// Renames a file.
    Rename,
    /// Removes a file.
    Remove,
    /// Syncs the directory.
    SyncDirectory,
}

impl OperationKind {
    fn needs_room(self) -> bool {
        use OperationKind::{Create, Lock, Reserve, Submit, Sync, Write};
        matches!(self, Create | Lock | Reserve | Submit | Sync | Write)
    }

    fn needs_descriptor(self) -> bool {
        use OperationKind::{Create, List, Lock, Open};
        matches!(self, Create | List | Lock | Open)
    }

    fn writes(self) -> bool {
        matches!(self, OperationKind::Write | OperationKind::Submit)
    }
}

/// What goes wrong at one operation. A fault that does not fit the operation does nothing and is
/// not counted. Interrupted calls (`EINTR`) are below this interface: a disk begins them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The operation answers `EIO`. What it should have done may have happened in any part: any
    /// sectors of a write, any sectors of a sync, a name changed or not.
    Eio,
    /// The same, and again from now on until [`ModelDisk::heal`](super::ModelDisk::heal).
    EioForEver(Scope),
    /// A create, write, reservation or sync answers `ENOSPC`, this once. Of a write, a part from
    /// its start may have been done.
    NoSpace,
    /// The disk is full from now on: what needs room answers `ENOSPC` until
    /// [`ModelDisk::set_capacity`](super::ModelDisk::set_capacity) makes some.
    Full,
    /// A lock, list, create or open answers `EMFILE`, this once.
    NoDescriptor,
    /// The same, and again from now on until [`ModelDisk::heal`](super::ModelDisk::heal).
    NoDescriptorForEver,
    /// A write stops after a part from its start and answers an error.
    ShortWrite,
    /// The power is cut in the middle of the operation. Every later call answers an error; go on
    /// with [`ModelDisk::crash`](super::ModelDisk::crash).
    PowerCut,
    /// The process is killed in the middle of the operation. Every later call answers an error;
    /// go on with [`ModelDisk::kill`](super::ModelDisk::kill).
    Kill,
    /// A submitted write is not completed before it was asked for so many times. Who waits for
    /// it is not held up: in a model, time does not pass.
    Stall(u32),
    /// A write is answered as done, and the device never gets it. A write through the page cache
    /// shows in the cache all the same.
    LoseWrite,
    /// A write past the page cache is answered as done, and lands at another place of the same
    /// or another file.
    MisdirectWrite,
}

/// Which operations a lasting fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the kind it first met: only syncs, only reads.
    SameKind,
    /// All.
    Everything,
}

/// What really happened, as counted by [`ModelDisk::fired`](super::ModelDisk::fired).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// An operation other than a sync answered `EIO`.
    Eio,
    /// A sync of a file or of the directory answered an error.
    FailedSync,
    /// An operation answered `ENOSPC`.
    NoSpace,
    /// An operation answered `EMFILE`.
    NoDescriptor,
    /// A write stopped short.
    ShortWrite,
    /// The power was cut.
    PowerCut,
    /// The process was killed.
    Kill,
    /// A completion was held back from somebody who asked.
    Stall,
    /// Writes in flight were completed in another order than they were submitted in.
    Reordered,
    /// A write was answered as done and lost.
    LostWrite,
    /// A write went to another place.
    MisdirectedWrite,
    /// Bits on the media were changed.
    Rot,
    /// A crash left some sectors of a write and lost others.
    TornWrite,
    /// A crash lost all of a write that was not synced.
    UnsyncedLost,
    /// A crash lost a name, or a change of one, that was not synced.
    NameLost,
}

impl FaultKind {
    /// Every kind there is.
    pub const ALL: [FaultKind; 15] = [
        FaultKind::Eio,
        FaultKind::FailedSync,
        FaultKind::NoSpace,
        FaultKind::NoDescriptor,
        FaultKind::ShortWrite,
        FaultKind::PowerCut,
        FaultKind::Kill,
        FaultKind::Stall,
        FaultKind::Reordered,
        FaultKind::LostWrite,
        FaultKind::MisdirectedWrite,
        FaultKind::Rot,
        FaultKind::TornWrite,
        FaultKind::UnsyncedLost,
        FaultKind::NameLost,
    ];
}

/// How often each kind of fault really took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    counts: BTreeMap<FaultKind, u64>,
}

impl Fired {
    /// How often this kind did.
    pub fn of(&self, kind: FaultKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// Every kind that did, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (FaultKind, u64)> {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// Counts more of a kind.
    pub fn add(&mut self, kind: FaultKind, count: u64) {
        if count > 0 {
            *self.counts.entry(kind).or_default() += count;
        }
    }
}

/// Damage done in silence: where, so that an oracle can know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What was done.
    pub kind: DamageKind,
    /// The file whose bytes are not what was written.
    pub file: String,
    /// First byte of the range.
    pub offset: u64,
    /// Length of the range.
    pub bytes: u64,
}

/// How bytes came to be others than those written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DamageKind {
    /// A write was answered and did not arrive here.
    Lost,
    /// A write meant for another place arrived here.
    Overwritten,
    /// Bits were flipped.
    Rot,
}

/// What a fault does to the operation it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Fails(Errno),
    Short,
    Stalls(u32),
    Lost,
    Elsewhere,
    DiskFull,
    Dies(FaultKind),
    Lasts(Lasting),
}

/// An error that operations answer from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasting {
    /// `EIO`, of one kind of operation or of all.
    Io(Option<OperationKind>),
    NoDescriptor,
}

impl Lasting {
    /// What it answers to an operation of this kind.
    pub(super) fn errno(self, kind: OperationKind) -> Option<Errno> {
        match self {
            Lasting::Io(met) => met.is_none_or(|met| met == kind).then_some(Errno::Io),
            Lasting::NoDescriptor => kind.needs_descriptor().then_some(Errno::NoDescriptor),
        }
    }
}

/// Error numbers of the system, alike on every Unix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errno {
    Io = 5,
    BadDescriptor = 9,
    NoDescriptor = 24,
    NoSpace = 28,
}

impl Errno {
    pub(super) fn error(self) -> std::io::Error {
        std::io::Error::from_raw_os_error(self as i32)
    }
}

impl Fault {
    /// What it does to an operation of this kind; `None` where it does not fit.
    pub(super) fn effect_on(self, kind: OperationKind) -> Effect {
        let fits = |fits: bool, effect| if fits { effect } else { Effect::Nothing };
        match self {
            Fault::Eio => Effect::Fails(Errno::Io),
            Fault::EioForEver(Scope::SameKind) => Effect::Lasts(Lasting::Io(Some(kind))),
            Fault::EioForEver(Scope::Everything) => Effect::Lasts(Lasting::Io(None)),
            Fault::NoSpace => fits(kind.needs_room(), Effect::Fails(Errno::NoSpace)),
            Fault::Full => Effect::DiskFull,
            Fault::NoDescriptor => {
                fits(kind.needs_descriptor(), Effect::Fails(Errno::NoDescriptor))
            }
            Fault::NoDescriptorForEver => {
                fits(kind.needs_descriptor(), Effect::Lasts(Lasting::NoDescriptor))
            }
            Fault::ShortWrite => fits(kind.writes(), Effect::Short),
            Fault::PowerCut => Effect::Dies(FaultKind::PowerCut),
            Fault::Kill => Effect::Dies(FaultKind::Kill),
            Fault::Stall(polls) => fits(kind == OperationKind::Submit, Effect::Stalls(polls)),
            Fault::LoseWrite => fits(kind.writes(), Effect::Lost),
            Fault::MisdirectWrite => fits(kind.writes(), Effect::Elsewhere),
        }
    }
}
