//! In an engine the domains commit, refuse, transfer, replay and are read as they are on paper.

use hotledger::{Builder, Delivery, Engine, ExecuteError, Position, Version};
use hotledger_domains::bank::{
    self, Account, AccountId, Balances, Movements, TotalMoney, Transfer, TransferRefusal,
};
use hotledger_domains::exchange::lobster::Message;
use hotledger_domains::exchange::replay::{Fidelity, Judge, step};
use hotledger_domains::exchange::{
    Bars, Book, Depth, Quote, Side, Symbol, Top, TopOfBook, TradeTape,
};

fn builder() -> Builder {
    Engine::in_memory()
        .aggregate::<Account>()
        .table::<Balances, Account>()
        .view::<TotalMoney, Account>()
        .view::<Movements, Account>()
        .aggregate::<Book>()
        .table::<TopOfBook, Book>()
        .view::<Depth, Book>()
        .view::<TradeTape, Book>()
        .view::<Bars, Book>()
}

fn deposit(engine: &Engine, account: u64, amount: u64) -> hotledger::Receipt {
    let account = engine.aggregate::<Account>(account);
    account.execute(bank::Command::Deposit { amount }).wait().unwrap()
}

#[test]
fn a_first_deposit_is_one_event() {
    let engine = builder().open().unwrap();
    let receipt = deposit(&engine, 1, 5);
    assert_eq!(receipt.position, Position::at(0));
    assert_eq!((receipt.version, receipt.events), (Version(1), 1));
}

#[test]
fn a_transfer_moves_money_and_makes_none() {
    let engine = builder().open().unwrap();
    deposit(&engine, 1, 100);
    let [alice, bob]: [AccountId; 2] = [1.into(), 2.into()];
    let receipt = engine.transact(Transfer { from: alice, to: bob, amount: 30 }).wait().unwrap();
    let position = receipt.receipt.position;
    let balances = engine.table::<Balances, Account>();
    let balance = |account| balances.get_after(position, &account).unwrap().unwrap().balance;
    assert_eq!([balance(alice), balance(bob)], [70, 30]);
    assert_eq!(engine.view::<TotalMoney>().read_after(position).unwrap().total, 100);
    let movements = engine.view::<Movements>();
    assert_eq!(movements.read_after(position).unwrap().of(alice).last().unwrap().balance, 70);
}

#[test]
fn a_transfer_is_made_whole_or_not_at_all() {
    let engine = builder().open().unwrap();
    deposit(&engine, 1, 100);
    let last = deposit(&engine, 2, u64::MAX).position;
    let transfer = |from: u64, to: u64, amount| {
        let transfer = Transfer { from: from.into(), to: to.into(), amount };
        match engine.transact(transfer).wait().unwrap_err() {
            ExecuteError::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let same = TransferRefusal::SameAccount { account: 1.into() };
    assert_eq!(transfer(1, 1, 5), same);
    let short = bank::Refusal::InsufficientFunds { balance: 100, requested: 101 };
    assert_eq!(transfer(1, 3, 101), TransferRefusal::Source(short));
    let full = bank::Refusal::Overflow { balance: u64::MAX, amount: 5 };
    assert_eq!(transfer(1, 2, 5), TransferRefusal::Destination(full));
    assert_eq!(engine.position(), last, "a refusal journals nothing");
    let alice = engine.as_of(last).aggregate::<Account>(&1.into()).unwrap().unwrap();
    assert_eq!(alice.state.balance(), 100);
}

#[test]
fn recorded_order_flow_is_replayed_and_judged() {
    let engine = builder().open().unwrap();
    let x: Symbol = "X".parse().unwrap();
    let (book, mut judge) = (engine.aggregate::<Book>(x), Judge::new());
    let flow = ["1,1,7,10,100,1", "2,1,8,10,100,1", "3,1,9,4,105,-1", "4,4,7,10,100,1"];
    let mut last = Position::ORIGIN;
    for (line, text) in flow.into_iter().enumerate() {
        let step = step(&Message::parse(line as u64 + 1, text).unwrap()).unwrap();
        step.expectation.into_iter().for_each(|expectation| judge.expect(expectation));
        last = book.execute(step.command).wait().unwrap().position;
    }
    for delivery in engine.subscribe::<Book>(Position::ORIGIN) {
        match delivery.unwrap() {
            Delivery::Event(recorded) => judge.observe(&recorded.event),
            Delivery::CaughtUp(_) => break,
        }
    }
    assert_eq!(judge.fidelity(), Fidelity { compared: 1, exact: 1 });

    let quote = |price, size| Some(Quote { price, size });
    let top = engine.table::<TopOfBook, Book>().get_after(last, &x).unwrap();
    assert_eq!(top, Some(Top { bid: quote(100, 10), ask: quote(105, 4) }));
    let depth = engine.view::<Depth>();
    let depth = depth.read_after(last).unwrap();
    assert_eq!(depth.of(x).unwrap().best(Side::Sell), quote(105, 4));
    let tape = engine.view::<TradeTape>();
    assert_eq!(tape.read_after(last).unwrap().of(x).next().unwrap().maker, 7);
    let bars = engine.view::<Bars>();
    assert_eq!(bars.read_after(last).unwrap().of(x).next().unwrap().volume, 10);
}
