//! Runs seeds: plans them, does what is planned, and finds the least that still fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ledger::Ledger;
use crate::plan::{Action, Plan};
use crate::subject::Subject;
use crate::summary::{Ended, Outcome};
use crate::world::{Stop, World};

/// Runs the plan of a seed on a subject that has seen nothing yet.
///
/// A panic anywhere counts as a broken promise, but for those that the engine catches.
pub fn run(plan: &Plan, subject: &mut dyn Subject) -> Outcome {
    let mut world = World::new(plan, subject);
    let ended = catch_unwind(AssertUnwindSafe(|| live(&mut world, &plan.actions)));
    let ended = ended.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Ended::Violation(format!("panicked: {}", text.unwrap_or("without a message")))
    });
    let (trace, fired, notes) = (world.trace(), world.fired(), world.notes.clone());
    Outcome { seed: plan.seed, ended, trace, fired, notes }
}

/// Runs a seed of the built-in [`Ledger`].
#[must_use]
pub fn run_seed(seed: u64) -> Outcome {
    let plan = Plan::of(seed);
    run(&plan, &mut ledger(&plan))
}

/// The ledger as a seed wants it.
#[must_use]
pub fn ledger(plan: &Plan) -> Ledger {
    Ledger::new([0, 0, 20, 80][(plan.seed % 4) as usize])
}

/// The fewest actions of a failing plan that still fail, by leaving out ever smaller parts.
///
/// `make` gives a subject that has seen nothing yet. A plan that does not fail comes back as it is.
pub fn shrink<S: Subject>(plan: &Plan, make: impl Fn() -> S) -> Plan {
    let fails = |actions: &[Action]| {
        let plan = Plan { actions: actions.to_vec(), ..*plan };
        matches!(run(&plan, &mut make()).ended, Ended::Violation(_))
    };
    let mut actions = plan.actions.clone();
    if !fails(&actions) {
        return plan.clone();
    }
    let mut part = actions.len().div_ceil(2);
    loop {
        let before = actions.len();
        let mut at = 0;
        while at < actions.len() {
            let mut fewer = actions.clone();
            fewer.drain(at..(at + part).min(actions.len()));
            if fails(&fewer) {
                actions = fewer;
            } else {
                at += part;
            }
        }
        if part == 1 && actions.len() == before {
            return Plan { actions, ..*plan };
        }
        part = part.div_ceil(2);
    }
}

fn live(world: &mut World<'_>, actions: &[Action]) -> Ended {
    let mut flow = world.act(Action::Open(None));
    for action in actions {
        flow = flow.and_then(|()| world.act(*action));
    }
    match flow.and_then(|()| world.finish()) {
        Ok(()) => Ended::Whole,
        Err(Stop::Noticed) => Ended::Noticed,
        Err(Stop::Hole) => Ended::Hole,
        Err(Stop::Violation(why)) => Ended::Violation(why),
    }
}
