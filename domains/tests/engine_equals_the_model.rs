//! Whatever is asked, and however often it is opened again, the engine is what a naive model is.
//!
//! The model is a Vec and two HashMaps and shares no line with the domains. Every case runs a real
//! engine over a disk in memory: one-shots, sessions and transactions, pipelined, with snapshots
//! every few events, with closes and kills in between. All answers must be the model's; the digest
//! of the live state, of snapshot and tail, and of the replay from zero must be one; and the states
//! in the journal must be the model's.

#[path = "support/naive.rs"]
mod naive;
#[path = "support/naive_bank.rs"]
mod naive_bank;
#[path = "support/naive_book.rs"]
mod naive_book;
#[path = "support/plan.rs"]
mod plan;
#[path = "support/run.rs"]
mod run;
#[path = "support/wire.rs"]
mod wire;

use std::cell::RefCell;

use proptest::test_runner::{Config, TestRunner};

/// The two tests run side by side, this many cases each; `PROPTEST_CASES` makes it more.
const CASES: u32 = 5_000;

/// Runs random plans; prints the smallest one that fails.
fn hold() {
    let cases = CASES.max(Config::default().cases);
    // A case is some milliseconds, so a minute finds a small one that fails.
    let max_shrink_time = 60_000;
    let config = Config { cases, failure_persistence: None, max_shrink_time, ..Config::default() };
    let tally = RefCell::new(run::Tally::default());
    let held = TestRunner::new(config)
        .run(&plan::any_plan(), |plan| run::run(&plan, &mut tally.borrow_mut()));
    if let Err(failed) = held {
        panic!("{failed}");
    }
    let tally = tally.into_inner();
    println!("{cases} cases: {tally:?}");
    let shown = [
        tally.committed,
        tally.refused,
        tally.conflicts,
        tally.duplicates,
        tally.keys_reused,
        tally.opened - u64::from(cases),
        tally.opened_from_snapshot,
        tally.digested_from_snapshot,
    ];
    assert!(shown.iter().all(|times| *times >= u64::from(cases) / 10), "seldom shown: {tally:?}");
}

#[test]
fn over_five_thousand_plans() {
    hold();
}

#[test]
fn over_five_thousand_others() {
    hold();
}
