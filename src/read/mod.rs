//! The read side: projectors and what they publish, subscriptions, and the past.

mod progress;
mod projector;
mod registry;

mod keyed;
mod published;

mod past;
mod subscription;

pub use keyed::TableReader;
pub use past::{At, Found, Past};
pub use published::{ViewGuard, ViewReader};
pub use subscription::{Delivery, RawRecorded, Subscription};

pub(crate) use keyed::{KeyedTable, Shown};
pub(crate) use progress::Progress;
pub(crate) use projector::{Projection, Projector, ProjectorStage, Step};
pub(crate) use published::{ViewSource, WholeView};
pub(crate) use registry::Readers;
pub(crate) use subscription::{All, Selection, Typed};
