//! hotledger: an embeddable, in-memory CQRS and event-sourcing engine in the style of LMAX.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

// In the order a command meets them: what the user writes, the machine, the way in, the way out.
mod aggregate;
mod identity;
mod position;
mod view;

mod builder;
mod engine;
mod stages;
mod threads;

mod write;

mod digest;
mod hashed;
mod hot;
mod keys;
#[expect(unsafe_code, reason = "stable Rust has no safe way to ask for a prefetch")]
mod prefetch;
mod receipt;
mod state;

mod durable;
mod feed;

mod read;
mod rows;
mod sources;

mod ahead;
mod archive;
mod recover;

pub mod codec;
mod decode;
mod scenario;

mod clock;
mod ease;
mod error;
mod figures;
pub mod limits;
mod panics;
mod sync;
mod timeline;
mod wait;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use aggregate::{Aggregate, Context};
pub use identity::{AggregateId, CommandKey};
pub use position::{Position, Timestamp, Version};
pub use view::{Recorded, Table, View};

pub use builder::Builder;
pub use engine::{Engine, Handle};
pub use stages::{Stage, Stages, Stepped};

pub use receipt::{Receipt, Touched};
pub use write::{
    Execute, Full, Pending, Request, Session, Transact, TransactReceipt, Transacting, Transaction,
};

pub use figures::{Answers, Lag, ReaderStats, Stats};
pub use read::{
    At, Delivery, Found, Past, RawId, RawRecorded, Subscription, TableReader, ViewGuard, ViewReader,
};
pub use rows::Rows;
pub use timeline::BatchTimes;

pub use archive::{Archive, DigestReport, From};
pub use recover::{
    AuditedSnapshot, RecoveryReport, SnapshotFacts, SnapshotFlaw, SnapshotPolicy, audit_snapshots,
};
pub use state::StateDigest;

pub use clock::{Clock, ManualClock, SystemClock};
pub use codec::{Event, Upcasters};
pub use error::{ExecuteError, HaltReason, OpenError, ReadError};
pub use scenario::{Decided, Scenario};
pub use wait::Wait;

pub use hotledger_journal::{Chain, Disk, Durability, FileDisk, Fill, MemoryDisk, StreamId};
