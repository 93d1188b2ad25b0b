//! Appending: the open batch, its way to the disk, and the segments it goes to.

mod commit;
mod journal;
mod open;
mod pool;
mod proof;
mod roll;
mod spare;

pub use commit::Written;
pub use journal::Journal;
pub(crate) use journal::Start;
pub use open::{EventError, Payload};
pub use proof::Proof;
pub(crate) use roll::create_first_segment;
pub use spare::Preparer;
pub(crate) use spare::{Ground, Pace, Spare, commit_file, replace_spare, write_zeros};
