//! Getting state back from disk: replay, snapshots, and the builder that writes them.

mod audit;
mod builder;
mod bytes;
mod fold;
mod replay;
mod shelf;
pub(crate) mod snapshot;

pub use audit::{AuditedSnapshot, SnapshotFacts, SnapshotFlaw, audit_snapshots};
pub use builder::SnapshotPolicy;
pub use replay::RecoveryReport;

pub(crate) use builder::{Due, SnapshotBuilder};
pub(crate) use replay::{History, Loaded, Rebuild, Recipe, Recovered, recover};
pub(crate) use shelf::Shelf;
