//! A crash laboratory: engines run step by step, by a seed, on a disk that fails on purpose.
//!
//! Give it an application as a [`Subject`], and it opens engines of it, sends commands, steps their
//! threads' work in any order, lets the disk fail, fill up, stall and lie, cuts the power (within a
//! recovery too) and looks, after every restart, whether what was answered is still there. What
//! breaks a promise is one number, the seed, and [`shrink`] finds the fewest actions that do it.
//!
//! ```
//! use hotledger_simulator::{Ended, Plan, ledger, run, run_seed};
//!
//! let outcome = run_seed(7); // the built-in application, which uses all that an engine can do
//! assert_eq!(outcome.ended, Ended::Whole);
//!
//! let plan = Plan::of(7); // what a seed means; for an application of your own, see `Subject`
//! assert_eq!(run(&plan, &mut ledger(&plan)).trace, outcome.trace);
//! ```
//!
//! `examples/find_a_bug.rs` finds a bug in a projector. `cargo run --release -p
//! hotledger-simulator -- --seconds 60` runs seeds of the built-in application; a seed takes some
//! 5 ms. [`ModelDisk`] also serves by itself, wherever a `Disk` does.
//!
//! The trade: everything runs on one thread, so it finds what the order of steps, the disk and the
//! clock can do, not what two threads do to one word of memory. It is no proof: it knows the
//! orders it has tried.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod dice;

mod clock;
mod disk;

mod subject;

mod aim;
mod oracle;
mod plan;
mod summary;

mod ledger;
mod seeds;
mod world;

pub use clock::SimulatedClock;
pub use dice::Dice;
pub use disk::{
    Chooser, Damage, DamageKind, Fault, FaultKind, Fired, Loss, ModelDisk, Operation,
    OperationKind, Scope,
};
pub use ledger::Ledger;
pub use plan::{Action, End, Plan, Setting, Trouble};
pub use seeds::{ledger, run, run_seed, shrink};
pub use subject::{Outbox, Outcome, Subject};
pub use summary::{Ended, Note, Notes, Outcome as SeedOutcome, Summary};
