//! The past: a state as it was at a position, at a version and at a time, and how it came about.

use std::error::Error;

use hotledger::{At, Builder, Delivery, Engine, Position, Version};
use hotledger_domains::bank::{Account, AccountId, Command};

pub(crate) fn run(builder: Builder) -> Result<(), Box<dyn Error>> {
    let engine = builder.aggregate::<Account>().open()?;
    let id = AccountId::from(7);
    let account = engine.aggregate::<Account>(id);
    let before_rent = account.execute(Command::Deposit { amount: 900 }).wait()?;
    account.execute(Command::Withdraw { amount: 650 }).wait()?;
    account.execute(Command::Deposit { amount: 20 }).wait()?;

    for (name, at) in [
        ("now", At::Latest),
        ("before the rent", At::from(before_rent.position)),
        ("at version 2", At::from(Version(2))),
    ] {
        let found = engine.as_of(at).aggregate::<Account>(&id)?;
        println!("{name}: {:?}", found.map(|found| found.state));
    }

    for delivery in engine.subscribe_to::<Account>(id, Position::ORIGIN) {
        match delivery? {
            Delivery::Event(recorded) => {
                println!("{} at {}: {:?}", recorded.version, recorded.time, recorded.event);
            }
            Delivery::CaughtUp(_) => break,
        }
    }
    Ok(engine.close()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    run(Engine::builder("time-travel-data"))
}
