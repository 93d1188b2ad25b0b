//! Finds a bug in a projector of yours: it writes to a store outside and forgets that it did.
//!
//! The engine projects every event once in the life of a process, and again from the start in the
//! next. A store that outlives the process must therefore keep its checkpoint beside its rows, and
//! the one below does not. The simulator ends the process wherever it hurts, and prints the
//! shortest way to the bug that it found.
//!
//! `cargo run --release -p hotledger-simulator --example find_a_bug`

use std::sync::{Mutex, MutexGuard};

use hotledger::{Aggregate, Builder, Context, Engine, Event, RawRecorded, Recorded, Rows, Table};
use hotledger_simulator::{Dice, Ended, Outbox, Plan, Subject, run, shrink};
use serde::{Deserialize, Serialize};

#[derive(Default, Clone, Serialize, Deserialize)]
struct Page;

#[derive(Serialize)]
struct Visit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum PageEvent {
    Visited {},
}

impl Event for PageEvent {}

impl Aggregate for Page {
    const KIND: &'static str = "page";
    type Id = u64;
    type Command = Visit;
    type Event = PageEvent;
    type Refusal = ();

    fn decide(&self, _: Visit, cx: &mut Context<PageEvent>) -> Result<(), ()> {
        cx.record(PageEvent::Visited {});
        Ok(())
    }

    fn evolve(&mut self, _: &PageEvent) {}
}

/// The store outside: it is there before the process and after it.
static STORE: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn store() -> MutexGuard<'static, Vec<u64>> {
    STORE.lock().expect("nobody panics while holding it")
}

/// The projector with the bug.
#[derive(Default)]
struct Visits;

impl Table<Page> for Visits {
    type Key = u64;
    type Row = u64;

    fn project(&mut self, recorded: &Recorded<Page>, _: &Rows<u64, u64>) {
        store().push(recorded.id);
    }
}

/// The application as the simulator drives it.
#[derive(Default)]
struct Site {
    sent: u64,
}

impl Site {
    fn new() -> Self {
        store().clear();
        Self::default()
    }
}

impl Subject for Site {
    fn build(&self, builder: Builder) -> Builder {
        builder.aggregate::<Page>().table::<Visits, Page>()
    }

    fn send(&mut self, engine: &Engine, dice: &mut Dice, outbox: &mut Outbox) {
        self.sent += 1;
        let page = engine.aggregate::<Page>(dice.below(3));
        outbox.command(self.sent, page.execute(Visit).submit());
    }

    fn holds(&mut self, _: &Engine, history: &[RawRecorded]) -> Result<(), String> {
        let (stored, visits) = (store().len(), history.len());
        if stored == visits {
            return Ok(());
        }
        Err(format!("there were {visits} visits, and the store outside has {stored}"))
    }
}

fn main() {
    for seed in 0..100 {
        let plan = Plan::of(seed);
        if let Ended::Violation(why) = run(&plan, &mut Site::new()).ended {
            let least = shrink(&plan, Site::new);
            println!("seed {seed}: {why}");
            println!("{} of {} actions do it:", least.actions.len(), plan.actions.len());
            least.actions.iter().for_each(|action| println!("  {action:?}"));
            return;
        }
    }
    println!("no bug found");
    std::process::exit(1);
}
