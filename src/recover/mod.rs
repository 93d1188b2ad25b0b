//! Getting state back from disk: replay, snapshots, and the builder that writes them.

mod builder;
mod bytes;
mod fold;
mod replay;
mod shelf;
mod snapshot;

pub use builder::SnapshotPolicy;
pub use replay::RecoveryReport;

pub(crate) use builder::{Due, SnapshotBuilder};
pub(crate) use replay::{History, Loaded, Rebuild, Recipe, Recovered, recover};
pub(crate) use shelf::Shelf;
