//! Each view says what its events add up to.

use hotledger::{Aggregate, Position, Recorded, Rows, Table, Timestamp, Version, View};
use hotledger_domains::bank::{
    self, Account, AccountId, Balance, Balances, MOVEMENTS_MAX, Movement, MovementKind, Movements,
    TotalMoney,
};
use hotledger_domains::exchange::{
    self, Bar, Bars, Book, Depth, OrderId, Price, Quote, Side, Size, Symbol, TAPE_TRADES_MAX, Top,
    TopOfBook, TradeTape,
};

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

/// An event as the journal would give it: the time is in milliseconds.
fn recorded<A: Aggregate>(id: A::Id, index: u64, time_ms: i64, event: A::Event) -> Recorded<A> {
    Recorded {
        id,
        version: Version(index + 1),
        position: Position::at(index),
        time: Timestamp(time_ms * 1_000_000),
        key: None,
        correlation: None,
        causation: None,
        event,
    }
}

fn deposited(account: u64, index: u64, amount: u64) -> Recorded<Account> {
    recorded(account.into(), index, 0, bank::Event::Deposited { amount })
}

fn withdrawn(account: u64, index: u64, amount: u64) -> Recorded<Account> {
    recorded(account.into(), index, 0, bank::Event::Withdrawn { amount })
}

fn rests(index: u64, order: OrderId, side: Side, price: Price, size: Size) -> Recorded<Book> {
    let price = Some(price);
    let event = exchange::Event::Accepted { order, side, price, size, resting: size };
    recorded(symbol("X"), index, 0, event)
}

/// Somebody buys from the order with this id.
fn bought(index: u64, time_ms: i64, maker: OrderId, price: Price, size: Size) -> Recorded<Book> {
    let (taker, aggressor) = (99, Side::Buy);
    let event = exchange::Event::Traded { maker, taker, aggressor, price, size };
    recorded(symbol("X"), index, time_ms, event)
}

#[test]
fn balances() {
    let (mut table, rows) = (Balances, Rows::default());
    let alice = AccountId::from(1);
    let balance = |balance, version, open| Balance { balance, version: Version(version), open };
    for (event, row) in [
        (recorded(alice, 0, 0, bank::Event::Opened), balance(0, 1, true)),
        (deposited(1, 1, 7), balance(7, 2, true)),
        (withdrawn(1, 2, 7), balance(0, 3, true)),
        (recorded(alice, 3, 0, bank::Event::Closed), balance(0, 4, false)),
    ] {
        table.project(&event, &rows);
        assert_eq!(rows.get(&alice), Some(row));
    }
    assert_eq!(rows.get(&AccountId::from(2)), None);
}

#[test]
fn total_money_is_wider_than_a_balance() {
    let mut view = TotalMoney::default();
    view.project(&deposited(1, 0, u64::MAX));
    view.project(&deposited(2, 1, 5));
    view.project(&withdrawn(2, 2, 2));
    assert_eq!(view.total, u128::from(u64::MAX) + 3);
}

#[test]
fn movements_are_the_newest() {
    let mut view = Movements::default();
    view.project(&deposited(1, 0, 1_000));
    view.project(&deposited(2, 1, 5));
    for index in 2..2 + MOVEMENTS_MAX as u64 {
        view.project(&withdrawn(1, index, 3));
    }
    let statement: Vec<_> = view.of(1.into()).copied().collect();
    assert_eq!(statement.len(), MOVEMENTS_MAX);
    let oldest = Movement {
        position: Position::at(2),
        time: Timestamp(0),
        kind: MovementKind::Withdrawal,
        amount: 3,
        balance: 997,
    };
    assert_eq!(statement[0], oldest);
    assert_eq!(statement[MOVEMENTS_MAX - 1].balance, 700);
    assert_eq!(view.of(2.into()).count(), 1);
    assert_eq!(view.of(3.into()).count(), 0);
}

#[test]
fn top_of_book() {
    let (mut table, rows) = (TopOfBook::default(), Rows::default());
    let quote = |price, size| Some(Quote { price, size });
    for (event, bid, ask) in [
        (rests(0, 1, Side::Sell, 101, 5), None, quote(101, 5)),
        (rests(1, 2, Side::Sell, 102, 7), None, quote(101, 5)),
        (rests(2, 3, Side::Buy, 100, 1), quote(100, 1), quote(101, 5)),
        (bought(3, 0, 1, 101, 2), quote(100, 1), quote(101, 3)),
        (bought(4, 0, 1, 101, 3), quote(100, 1), quote(102, 7)),
    ] {
        table.project(&event, &rows);
        assert_eq!(rows.get(&symbol("X")), Some(Top { bid, ask }));
    }
}

#[test]
fn depth() {
    let mut view = Depth::default();
    view.project(&rests(0, 1, Side::Buy, 99, 5));
    view.project(&rests(1, 2, Side::Buy, 100, 5));
    view.project(&rests(2, 3, Side::Buy, 99, 2));
    let levels = view.of(symbol("X")).unwrap();
    let bids: Vec<_> = levels.bids().collect();
    assert_eq!(bids, [Quote { price: 100, size: 5 }, Quote { price: 99, size: 7 }]);
    assert_eq!(levels.asks().len(), 0);
    assert!(view.of(symbol("Y")).is_none());
}

#[test]
fn the_tape_has_the_newest_trades() {
    let mut view = TradeTape::default();
    view.project(&rests(0, 1, Side::Sell, 100, u64::MAX));
    let trades = TAPE_TRADES_MAX as u64 + 1;
    (1..=trades).for_each(|index| view.project(&bought(index, 0, 1, 100, index)));
    let sizes: Vec<_> = view.of(symbol("X")).map(|trade| trade.size).collect();
    assert_eq!(sizes, (2..=trades).collect::<Vec<_>>());
    assert_eq!(view.of(symbol("Y")).count(), 0);
}

#[test]
fn a_bar_holds_the_trades_of_one_second() {
    let mut view = Bars::default();
    for (index, (time_ms, price, size)) in
        [(999, 7, 1), (1_000, 5, 1), (1_300, 9, 2), (1_600, 3, 3), (1_999, 4, 4), (3_000, 8, 5)]
            .into_iter()
            .enumerate()
    {
        view.project(&bought(index as u64, time_ms, 1, price, size));
    }
    let bars: Vec<_> = view.of(symbol("X")).copied().collect();
    let flat = |second, price, volume| Bar {
        second,
        open: price,
        high: price,
        low: price,
        close: price,
        volume,
    };
    let middle = Bar { second: 1, open: 5, high: 9, low: 3, close: 4, volume: 10 };
    assert_eq!(bars, [flat(0, 7, 1), middle, flat(3, 8, 5)]);
}
