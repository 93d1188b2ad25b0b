//! The form a book is written in: levels and queues, without slots, links and hashes.

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::Book;
use super::ladder::Level;
use super::orders::Orders;
use crate::exchange::{OrderId, Price, Side, Size};

/// A book as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    bids: Vec<LevelForm>,
    asks: Vec<LevelForm>,
}

/// A price level as it is read: what rests there, first in priority first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelForm {
    price: Price,
    orders: Vec<OrderForm>,
}

/// An order, read or written; side and price are those of its level.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderForm {
    order: OrderId,
    size: Size,
}

/// Why what was read is no book.
#[derive(Debug, Error)]
pub(super) enum FormError {
    #[error("the level at {0} stands before a better one")]
    Unsorted(Price),
    #[error("no order rests at {0}")]
    EmptyLevel(Price),
    #[error("order {0} has no size")]
    ZeroSize(OrderId),
    #[error("order {0} occurs twice")]
    Duplicate(OrderId),
    #[error("the sizes at {0} add up to more than can be counted")]
    Overflow(Price),
    #[error("bids and asks cross")]
    Crossed,
}

impl TryFrom<Form> for Book {
    type Error = FormError;

    fn try_from(form: Form) -> Result<Self, FormError> {
        let mut book = Self::default();
        read_side(&mut book, Side::Buy, form.bids)?;
        read_side(&mut book, Side::Sell, form.asks)?;
        match (book.best(Side::Buy), book.best(Side::Sell)) {
            (Some(bid), Some(ask)) if bid.price >= ask.price => Err(FormError::Crossed),
            _ => Ok(book),
        }
    }
}

/// The worst level is placed first, so that each one that follows goes to the end of the ladder.
fn read_side(book: &mut Book, side: Side, levels: Vec<LevelForm>) -> Result<(), FormError> {
    for LevelForm { price, orders } in levels.into_iter().rev() {
        if book.best(side).is_some_and(|best| side.reaches(best.price, Some(price))) {
            return Err(FormError::Unsorted(price));
        }
        if orders.is_empty() {
            return Err(FormError::EmptyLevel(price));
        }
        let mut total: Size = 0;
        for OrderForm { order, size } in orders {
            if size == 0 {
                return Err(FormError::ZeroSize(order));
            }
            if book.order(order).is_some() {
                return Err(FormError::Duplicate(order));
            }
            total = total.checked_add(size).ok_or(FormError::Overflow(price))?;
            book.place(order, side, price, size);
        }
    }
    Ok(())
}

/// A book as it is written: [`Form`] without a copy of what it holds.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    bids: SideWritten<'a>,
    asks: SideWritten<'a>,
}

struct SideWritten<'a> {
    book: &'a Book,
    side: Side,
}

#[derive(Serialize)]
struct LevelWritten<'a> {
    price: Price,
    orders: QueueWritten<'a>,
}

struct QueueWritten<'a> {
    level: &'a Level,
    orders: &'a Orders,
}

impl<'a> Written<'a> {
    pub(super) const fn of(book: &'a Book) -> Self {
        Self {
            bids: SideWritten { book, side: Side::Buy },
            asks: SideWritten { book, side: Side::Sell },
        }
    }
}

impl Serialize for SideWritten<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let orders = &self.book.orders;
        serializer.collect_seq(self.book.ladder(self.side).levels().map(|level| LevelWritten {
            price: level.price,
            orders: QueueWritten { level, orders },
        }))
    }
}

impl Serialize for QueueWritten<'_> {
    /// The queue is walked twice: binary formats want the length first.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;

        let queue = || self.level.queue(self.orders);
        let mut written = serializer.serialize_seq(Some(queue().count()))?;
        for resting in queue() {
            let (order, size) = (resting.order, resting.size);
            written.serialize_element(&OrderForm { order, size })?;
        }
        written.end()
    }
}
