//! The decisions of a book: which orders meet, and what is refused.

use hotledger::Context;

use super::ladder::Level;
use super::{Book, LEVELS_MAX, ORDERS_MAX, Resting};
use crate::exchange::{Command, Event, OrderId, Price, Refusal, Side, Size, TimeInForce};

/// Decides a command; the book is read, never changed.
pub(super) fn decide(
    book: &Book,
    command: Command,
    cx: &mut Context<Event>,
) -> Result<(), Refusal> {
    match command {
        Command::Limit { order, side, price, size, time_in_force } => {
            let taker = Taker { order, side, limit: Some(price), size };
            limit(book, &taker, price, time_in_force, cx)
        }
        Command::Market { order, side, size } => {
            let taker = Taker { order, side, limit: None, size };
            check_new(book, &taker)?;
            trade_or_expire(book, &taker, cx)
        }
        Command::Cancel { order } => {
            cx.record(cancelled(find(book, order)?));
            Ok(())
        }
        Command::Reduce { order, by } => reduce(find(book, order)?, by, cx),
        Command::Replace { order, price, size } => {
            replace(book, find(book, order)?, price, size, cx)
        }
    }
}

/// An order that arrives and wants to trade.
struct Taker {
    order: OrderId,
    side: Side,
    /// The worst price it trades at; `None` goes to any.
    limit: Option<Price>,
    size: Size,
}

fn limit(
    book: &Book,
    taker: &Taker,
    price: Price,
    time_in_force: TimeInForce,
    cx: &mut Context<Event>,
) -> Result<(), Refusal> {
    check_new(book, taker)?;
    match time_in_force {
        TimeInForce::GoodTillCancelled => trade_or_rest(book, taker, price, cx),
        TimeInForce::ImmediateOrCancel => trade_or_expire(book, taker, cx),
        TimeInForce::FillOrKill => {
            check_trades_whole(book, taker)?;
            trade_or_expire(book, taker, cx)
        }
        TimeInForce::PostOnly => {
            check_rests_whole(book, taker.side, price)?;
            trade_or_rest(book, taker, price, cx)
        }
    }
}

fn trade_or_rest(
    book: &Book,
    taker: &Taker,
    price: Price,
    cx: &mut Context<Event>,
) -> Result<(), Refusal> {
    let resting = trade(book, taker, cx);
    if resting > 0 {
        if book.len() >= ORDERS_MAX {
            return Err(Refusal::OrderLimit { orders_max: ORDERS_MAX });
        }
        check_level(book, taker.side, price, 0, resting)?;
    }
    cx.record(accepted(taker, resting));
    Ok(())
}

fn trade_or_expire(book: &Book, taker: &Taker, cx: &mut Context<Event>) -> Result<(), Refusal> {
    let size = trade(book, taker, cx);
    cx.record(accepted(taker, 0));
    if size > 0 {
        cx.record(Event::Expired { order: taker.order, side: taker.side, size });
    }
    Ok(())
}

fn reduce(resting: Resting, by: Size, cx: &mut Context<Event>) -> Result<(), Refusal> {
    let Resting { order, side, price, size } = resting;
    if by == 0 {
        return Err(Refusal::ZeroSize);
    }
    cx.record(if by < size {
        Event::Reduced { order, side, price, by }
    } else {
        cancelled(resting)
    });
    Ok(())
}

/// A replacement that only reduces keeps its place, and is recorded as the reduction it is.
fn replace(
    book: &Book,
    old: Resting,
    price: Price,
    size: Size,
    cx: &mut Context<Event>,
) -> Result<(), Refusal> {
    let Resting { order, side, .. } = old;
    if size == 0 {
        return Err(Refusal::ZeroSize);
    }
    if price == old.price && size <= old.size {
        return if size < old.size { reduce(old, old.size - size, cx) } else { Ok(()) };
    }
    let resting = trade(book, &Taker { order, side, limit: Some(price), size }, cx);
    if resting > 0 {
        let own = if price == old.price { old.size } else { 0 };
        check_level(book, side, price, own, resting)?;
    }
    let (price_before, size_before) = (old.price, old.size);
    cx.record(Event::Replaced { order, side, price_before, size_before, price, size, resting });
    Ok(())
}

/// Lets the taker meet the other side, the first in priority first. Returns what it has left.
fn trade(book: &Book, taker: &Taker, cx: &mut Context<Event>) -> Size {
    let mut left = taker.size;
    for level in within_limit(book, taker) {
        for maker in level.queue(&book.orders) {
            let size = left.min(maker.size);
            cx.record(Event::Traded {
                maker: maker.order,
                taker: taker.order,
                aggressor: taker.side,
                price: level.price,
                size,
            });
            left -= size;
            if left == 0 {
                return 0;
            }
        }
    }
    left
}

/// The levels of the other side that the taker may trade with, the best one first.
fn within_limit<'a>(book: &'a Book, taker: &Taker) -> impl Iterator<Item = &'a Level> {
    let (makers, limit) = (taker.side.opposite(), taker.limit);
    book.ladder(makers).levels().take_while(move |level| makers.reaches(level.price, limit))
}

fn find(book: &Book, order: OrderId) -> Result<Resting, Refusal> {
    book.order(order).ok_or(Refusal::UnknownOrder { order })
}

fn check_new(book: &Book, taker: &Taker) -> Result<(), Refusal> {
    if taker.size == 0 {
        return Err(Refusal::ZeroSize);
    }
    match book.order(taker.order) {
        Some(_) => Err(Refusal::DuplicateOrder { order: taker.order }),
        None => Ok(()),
    }
}

fn check_rests_whole(book: &Book, side: Side, price: Price) -> Result<(), Refusal> {
    let makers = side.opposite();
    match book.ladder(makers).best() {
        Some(best) if makers.reaches(best.price, Some(price)) => {
            Err(Refusal::WouldCross { price, best: best.price })
        }
        _ => Ok(()),
    }
}

fn check_trades_whole(book: &Book, taker: &Taker) -> Result<(), Refusal> {
    let mut available: Size = 0;
    for level in within_limit(book, taker) {
        available = available.saturating_add(level.total);
        if available >= taker.size {
            return Ok(());
        }
    }
    Err(Refusal::CannotFill { size: taker.size, available })
}

/// Whether the level can take `size` in place of `own`, and come into being if it has to.
fn check_level(
    book: &Book,
    side: Side,
    price: Price,
    own: Size,
    size: Size,
) -> Result<(), Refusal> {
    let ladder = book.ladder(side);
    // What the whole side could hold at one price need not be looked for at this one.
    if ladder.len() < LEVELS_MAX && ladder.total() + u128::from(size) <= u128::from(Size::MAX) {
        return Ok(());
    }
    let level = ladder.level(price);
    if ladder.len() >= LEVELS_MAX && level.is_none() {
        return Err(Refusal::LevelLimit { levels_max: LEVELS_MAX });
    }
    let total = level.map_or(0, |level| level.total) - own;
    match total.checked_add(size) {
        Some(_) => Ok(()),
        None => Err(Refusal::LevelOverflow { price, total, size }),
    }
}

const fn accepted(taker: &Taker, resting: Size) -> Event {
    let Taker { order, side, limit: price, size } = *taker;
    Event::Accepted { order, side, price, size, resting }
}

const fn cancelled(resting: Resting) -> Event {
    let Resting { order, side, price, size } = resting;
    Event::Cancelled { order, side, price, size }
}
