//! The same seed is the same run, a sound engine passes every seed, and a broken promise is found
//! and shrunk to a few actions.

use hotledger::{Builder, Engine, RawRecorded};
use hotledger_simulator::{
    Dice, Ended, Ledger, Outbox, Plan, Subject, Summary, ledger, run, run_seed, shrink,
};

/// Silences the panics that are part of the plan.
fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}

#[test]
fn a_sound_engine_passes_and_every_fault_takes_effect() {
    quiet();
    let mut summary = Summary::default();
    (0..400).for_each(|seed| summary.add(&run_seed(seed)));
    // What fails here is a panic too, and nobody hears it.
    println!("{summary}\n{:?}", summary.violations);
    assert_eq!(summary.violations, []);
    assert_eq!(summary.rare(10), [], "{summary}");
    assert!(summary.noticed > 0 && summary.whole > 200, "{summary}");
}

#[test]
fn a_seed_is_the_same_run_again() {
    quiet();
    for seed in 0..100 {
        let (first, again) = (run_seed(seed), run_seed(seed));
        assert_eq!((first.trace, first.ended), (again.trace, again.ended), "seed {seed}");
    }
    assert_ne!(run_seed(1).trace, run_seed(2).trace);
}

/// The ledger, told to hold what does not: that the third event never happens.
struct Hopeful(Ledger);

impl Subject for Hopeful {
    fn build(&self, builder: Builder) -> Builder {
        self.0.build(builder)
    }

    fn send(&mut self, engine: &Engine, dice: &mut Dice, outbox: &mut Outbox) {
        self.0.send(engine, dice, outbox);
    }

    fn holds(&mut self, _: &Engine, history: &[RawRecorded]) -> Result<(), String> {
        if history.len() < 3 { Ok(()) } else { Err("the third event happened".into()) }
    }
}

#[test]
fn what_fails_is_shrunk_to_what_it_takes() {
    quiet();
    let plan = Plan::of(4);
    let make = || Hopeful(ledger(&plan));
    let least = shrink(&plan, make);
    assert!(matches!(run(&least, &mut make()).ended, Ended::Violation(_)));
    assert!(least.actions.len() < 8, "{:?}", least.actions);
    for at in 0..least.actions.len() {
        let mut fewer = least.clone();
        fewer.actions.remove(at);
        assert!(!matches!(run(&fewer, &mut make()).ended, Ended::Violation(_)), "{at} is needless");
    }
}
