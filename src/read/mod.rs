//! The read side: projectors and what they publish, subscriptions, and the past.

mod progress;
mod projector;
mod registry;

mod keyed;
mod published;

mod past;
mod raw;
mod subscription;

pub use keyed::TableReader;
pub use past::{At, Found, Past};
pub use published::{ViewGuard, ViewReader};
pub use raw::{RawId, RawRecorded};
pub use subscription::{Delivery, Subscription};

pub(crate) use keyed::{KeyedTable, Shown};
pub(crate) use progress::Progress;
pub(crate) use projector::{Projection, Projector, ProjectorStage, Step};
pub(crate) use published::{ViewSource, WholeView};
pub(crate) use raw::All;
pub(crate) use registry::Readers;
pub(crate) use subscription::{Selection, Typed};
