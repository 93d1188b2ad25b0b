//! A bank in one file: an account, a view, and a deposit that is on disk when it is answered.

use hotledger::{Aggregate, Builder, Context, Engine, Event, Recorded, View};
use serde::{Deserialize, Serialize};

#[derive(Default, Clone, Serialize, Deserialize)]
struct Account(u64);

#[derive(Serialize)]
struct Deposit(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Deposited {
    amount: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct NothingToDeposit;
impl Event for Deposited {}

impl Aggregate for Account {
    const KIND: &'static str = "account";
    type Id = u64;
    type Command = Deposit;
    type Event = Deposited;
    type Refusal = NothingToDeposit;

    fn decide(&self, it: Deposit, cx: &mut Context<Deposited>) -> Result<(), NothingToDeposit> {
        if it.0 == 0 {
            return Err(NothingToDeposit);
        }
        cx.record(Deposited { amount: it.0 });
        Ok(())
    }

    fn evolve(&mut self, event: &Deposited) {
        self.0 += event.amount;
    }
}

#[derive(Default, Clone)]
struct Total(u64);

impl View<Account> for Total {
    fn project(&mut self, recorded: &Recorded<Account>) {
        self.0 += recorded.event.amount;
    }
}

pub(crate) fn run(builder: Builder) -> Result<(), Box<dyn std::error::Error>> {
    let engine = builder.aggregate::<Account>().view::<Total, Account>().open()?;
    let receipt = engine.aggregate::<Account>(1u64).execute(Deposit(100)).wait()?;
    let total = engine.view::<Total>().read_after(receipt.position)?.0;
    println!("position {} is {}, the total {total}", receipt.position, receipt.durability);
    Ok(engine.close()?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(Engine::builder("my-data"))
}
