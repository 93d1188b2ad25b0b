//! Every rule of a book holds: who trades with whom, what rests, what expires, what is refused.

use hotledger::{Aggregate, Context, Scenario, Timestamp};
use hotledger_domains::exchange::Side::{Buy, Sell};
use hotledger_domains::exchange::{
    Book, Command, Event, LEVELS_MAX, OrderId, Price, Refusal, Side, Size, TimeInForce,
};

fn book(history: impl IntoIterator<Item = Event>) -> Scenario<Book> {
    Scenario::<Book>::given(history)
}

/// An order that rests whole.
fn rests(order: OrderId, side: Side, price: Price, size: Size) -> Event {
    Event::Accepted { order, side, price: Some(price), size, resting: size }
}

/// An order of which `resting` is left to rest.
fn accepted(order: OrderId, side: Side, price: Price, size: Size, resting: Size) -> Event {
    Event::Accepted { order, side, price: Some(price), size, resting }
}

/// A trade with a resting ask.
fn bought(maker: OrderId, taker: OrderId, price: Price, size: Size) -> Event {
    Event::Traded { maker, taker, aggressor: Buy, price, size }
}

/// A trade with a resting bid.
fn sold(maker: OrderId, taker: OrderId, price: Price, size: Size) -> Event {
    Event::Traded { maker, taker, aggressor: Sell, price, size }
}

fn limit(order: OrderId, side: Side, price: Price, size: Size) -> Command {
    timed(order, side, price, size, TimeInForce::GoodTillCancelled)
}

fn timed(
    order: OrderId,
    side: Side,
    price: Price,
    size: Size,
    time_in_force: TimeInForce,
) -> Command {
    Command::Limit { order, side, price, size, time_in_force }
}

/// Asks for 5 at 101 (order 1), 5 at 101 (order 2), 5 at 102 (order 3).
fn asks() -> [Event; 3] {
    [rests(1, Sell, 101, 5), rests(2, Sell, 101, 5), rests(3, Sell, 102, 5)]
}

#[test]
fn an_order_that_meets_nobody_rests() {
    book([]).when(limit(1, Buy, 100, 5)).then([rests(1, Buy, 100, 5)]);
    book(asks()).when(limit(9, Buy, 100, 5)).then([rests(9, Buy, 100, 5)]);
}

#[test]
fn prices_may_be_negative() {
    let history = [rests(1, Sell, -5, 5), rests(2, Sell, -7, 5)];
    let buy = limit(9, Buy, -6, 7);
    book(history).when(buy).then([bought(2, 9, -7, 5), accepted(9, Buy, -6, 7, 2)]);
}

#[test]
fn the_better_price_trades_first_and_then_the_older_order() {
    let filled = [bought(1, 9, 101, 5), bought(2, 9, 101, 2), accepted(9, Buy, 102, 7, 0)];
    book(asks()).when(limit(9, Buy, 102, 7)).then(filled);
    let bids = [rests(1, Buy, 99, 5), rests(2, Buy, 100, 5), rests(3, Buy, 100, 5)];
    let sell = limit(9, Sell, 99, 12);
    let filled = [sold(2, 9, 100, 5), sold(3, 9, 100, 5), sold(1, 9, 99, 2)];
    book(bids).when(sell).then(filled.into_iter().chain([accepted(9, Sell, 99, 12, 0)]));
}

#[test]
fn what_does_not_trade_rests() {
    let filled = [bought(1, 9, 101, 5), bought(2, 9, 101, 5), accepted(9, Buy, 101, 12, 2)];
    book(asks()).when(limit(9, Buy, 101, 12)).then(filled);
}

#[test]
fn a_market_order_goes_to_any_price_and_expires() {
    let order = |size, resting| Event::Accepted { order: 9, side: Buy, price: None, size, resting };
    let trades = [bought(1, 9, 101, 5), bought(2, 9, 101, 5), bought(3, 9, 102, 5)];
    let expired = Event::Expired { order: 9, side: Buy, size: 1 };
    let market = |size| Command::Market { order: 9, side: Buy, size };
    let all = trades.clone().into_iter().chain([order(16, 0), expired]);
    book(asks()).when(market(16)).then(all);
    book(asks()).when(market(15)).then(trades.into_iter().chain([order(15, 0)]));
    let expired = Event::Expired { order: 9, side: Buy, size: 4 };
    book([]).when(market(4)).then([order(4, 0), expired]);
}

#[test]
fn immediate_or_cancel_takes_what_there_is() {
    let order = |price, size| timed(9, Buy, price, size, TimeInForce::ImmediateOrCancel);
    let expired = |size| Event::Expired { order: 9, side: Buy, size };
    let filled = [bought(1, 9, 101, 5), bought(2, 9, 101, 5), accepted(9, Buy, 101, 12, 0)];
    book(asks()).when(order(101, 12)).then(filled.into_iter().chain([expired(2)]));
    book(asks()).when(order(101, 3)).then([bought(1, 9, 101, 3), accepted(9, Buy, 101, 3, 0)]);
    book(asks()).when(order(100, 3)).then([accepted(9, Buy, 100, 3, 0), expired(3)]);
}

#[test]
fn fill_or_kill_takes_all_or_nothing() {
    let order = |price, size| timed(9, Buy, price, size, TimeInForce::FillOrKill);
    let filled = [bought(1, 9, 101, 5), bought(2, 9, 101, 5), accepted(9, Buy, 101, 10, 0)];
    book(asks()).when(order(101, 10)).then(filled);
    let refused = Refusal::CannotFill { size: 11, available: 10 };
    book(asks()).when(order(101, 11)).then_refused(refused);
    let refused = Refusal::CannotFill { size: 1, available: 0 };
    book([]).when(order(101, 1)).then_refused(refused);
}

#[test]
fn post_only_never_trades_on_arrival() {
    let order = |price| timed(9, Buy, price, 5, TimeInForce::PostOnly);
    book(asks()).when(order(100)).then([rests(9, Buy, 100, 5)]);
    let refused = Refusal::WouldCross { price: 101, best: 101 };
    book(asks()).when(order(101)).then_refused(refused);
}

#[test]
fn a_cancelled_order_is_gone() {
    let cancelled = Event::Cancelled { order: 1, side: Sell, price: 101, size: 5 };
    book(asks()).when(Command::Cancel { order: 1 }).then([cancelled.clone()]);
    let history = asks().into_iter().chain([cancelled]);
    let filled = [bought(2, 9, 101, 5), accepted(9, Buy, 101, 5, 0)];
    book(history).when(limit(9, Buy, 101, 5)).then(filled);
}

#[test]
fn a_reduced_order_keeps_its_place() {
    let reduced = Event::Reduced { order: 1, side: Sell, price: 101, by: 2 };
    book(asks()).when(Command::Reduce { order: 1, by: 2 }).then([reduced.clone()]);
    let history = asks().into_iter().chain([reduced]);
    let filled = [bought(1, 9, 101, 3), bought(2, 9, 101, 2), accepted(9, Buy, 101, 5, 0)];
    book(history).when(limit(9, Buy, 101, 5)).then(filled);
}

#[test]
fn a_reduction_that_leaves_nothing_cancels() {
    let cancelled = Event::Cancelled { order: 1, side: Sell, price: 101, size: 5 };
    for by in [5, 6, u64::MAX] {
        book(asks()).when(Command::Reduce { order: 1, by }).then([cancelled.clone()]);
    }
}

#[test]
fn a_replacement_that_only_reduces_keeps_its_place() {
    let replace = |size| Command::Replace { order: 1, price: 101, size };
    let reduced = Event::Reduced { order: 1, side: Sell, price: 101, by: 2 };
    book(asks()).when(replace(3)).then([reduced]);
    book(asks()).when(replace(5)).then_nothing();
}

#[test]
fn any_other_replacement_goes_to_the_end_of_the_queue() {
    let (price_before, size_before) = (101, 5);
    let replaced = |price, size, resting| Event::Replaced {
        order: 1,
        side: Sell,
        price_before,
        size_before,
        price,
        size,
        resting,
    };
    let grown = replaced(101, 6, 6);
    let replace = |price, size| Command::Replace { order: 1, price, size };
    book(asks()).when(replace(101, 6)).then([grown.clone()]);
    book(asks()).when(replace(102, 1)).then([replaced(102, 1, 1)]);
    let history = asks().into_iter().chain([grown]);
    let filled = [bought(2, 9, 101, 5), bought(1, 9, 101, 1), accepted(9, Buy, 101, 6, 0)];
    book(history).when(limit(9, Buy, 101, 6)).then(filled);
}

#[test]
fn a_replacement_that_crosses_trades() {
    let history = [rests(1, Buy, 100, 5), rests(2, Sell, 101, 3)];
    let replaced = |size, resting| Event::Replaced {
        order: 1,
        side: Buy,
        price_before: 100,
        size_before: 5,
        price: 102,
        size,
        resting,
    };
    let replace = |size| Command::Replace { order: 1, price: 102, size };
    book(history.clone()).when(replace(7)).then([bought(2, 1, 101, 3), replaced(7, 4)]);
    book(history).when(replace(2)).then([bought(2, 1, 101, 2), replaced(2, 0)]);
}

#[test]
fn an_order_that_does_not_rest_is_unknown() {
    let refused = || Refusal::UnknownOrder { order: 9 };
    book(asks()).when(Command::Cancel { order: 9 }).then_refused(refused());
    book(asks()).when(Command::Reduce { order: 9, by: 1 }).then_refused(refused());
    let replace = Command::Replace { order: 9, price: 1, size: 1 };
    book(asks()).when(replace).then_refused(refused());
}

#[test]
fn the_id_of_a_resting_order_is_taken_until_it_is_gone() {
    let refused = || Refusal::DuplicateOrder { order: 1 };
    book(asks()).when(limit(1, Buy, 1, 1)).then_refused(refused());
    let market = Command::Market { order: 1, side: Buy, size: 1 };
    book(asks()).when(market).then_refused(refused());
    let cancelled = Event::Cancelled { order: 1, side: Sell, price: 101, size: 5 };
    let history = asks().into_iter().chain([cancelled]);
    book(history).when(limit(1, Buy, 1, 1)).then([rests(1, Buy, 1, 1)]);
}

#[test]
fn a_size_is_not_zero() {
    for command in [
        limit(9, Buy, 1, 0),
        Command::Market { order: 9, side: Buy, size: 0 },
        Command::Reduce { order: 1, by: 0 },
        Command::Replace { order: 1, price: 101, size: 0 },
    ] {
        book(asks()).when(command).then_refused(Refusal::ZeroSize);
    }
}

#[test]
fn a_level_does_not_overflow() {
    let history = [rests(1, Buy, 100, 5), rests(2, Buy, 99, 1)];
    let size = u64::MAX - 4;
    let refused = || Refusal::LevelOverflow { price: 100, total: 5, size };
    book(history.clone()).when(limit(9, Buy, 100, size)).then_refused(refused());
    let replace = Command::Replace { order: 2, price: 100, size };
    book(history.clone()).when(replace).then_refused(refused());
    let replaced = Event::Replaced {
        order: 1,
        side: Buy,
        price_before: 100,
        size_before: 5,
        price: 100,
        size,
        resting: size,
    };
    book(history).when(Command::Replace { order: 1, price: 100, size }).then([replaced]);
}

#[test]
fn a_side_holds_so_many_levels() {
    let mut book = Book::default();
    for price in 0..LEVELS_MAX as i64 {
        book.evolve(&rests(price as u64, Buy, price, 5));
    }
    let decide = |command| book.decide(command, &mut Context::new(Timestamp(0)));
    let (order, refused) = (u64::MAX, Refusal::LevelLimit { levels_max: LEVELS_MAX });
    assert_eq!(decide(limit(order, Buy, -1, 5)), Err(refused.clone()));
    assert_eq!(decide(Command::Replace { order: 0, price: -1, size: 5 }), Err(refused));
    assert_eq!(decide(limit(order, Buy, 0, 5)), Ok(()));
    assert_eq!(decide(limit(order, Sell, i64::MAX, 5)), Ok(()));
}
