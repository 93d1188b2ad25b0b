//! The book of one instrument: what rests in it, and how its events change it.

mod canonical;
mod ladder;
mod matching;
mod orders;

use hotledger::{Aggregate, Context};
use serde::{Deserialize, Serialize};

use self::canonical::{Form, Written};
use self::ladder::Ladder;
pub use self::orders::Resting;
use self::orders::{NONE, Orders};
use super::{Command, Event, OrderId, Price, Quote, Refusal, Side, Size, Symbol};

/// How many orders a book may hold: some 1 GB of them.
pub const ORDERS_MAX: usize = 1 << 24;

/// How many price levels a side may hold. A level that appears at the far end moves all of them,
/// which at this number takes some 30 µs: the most that one order can make the others wait.
pub const LEVELS_MAX: usize = 1 << 16;

const _: () = assert!(ORDERS_MAX < NONE as usize, "every order has a slot");
const _: () = assert!(LEVELS_MAX <= ORDERS_MAX, "a level holds an order");

/// The orders that rest for one instrument, known by its symbol.
///
/// It serialises as what it means, not as how it is kept: the levels of each side, the best one
/// first, each with its orders in priority. Equal books have equal bytes, whatever happened
/// before.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Form")]
pub struct Book {
    orders: Orders,
    bids: Ladder,
    asks: Ladder,
}

impl Book {
    /// The best price of a side and what rests there; `None` when the side is empty.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Quote> {
        self.depth(side).next()
    }

    /// The price levels of a side, the best one first.
    pub fn depth(&self, side: Side) -> impl ExactSizeIterator<Item = Quote> {
        self.ladder(side).levels().map(|level| Quote { price: level.price, size: level.total })
    }

    /// The orders of a side in priority: the one that will trade first comes first.
    pub fn queue(&self, side: Side) -> impl Iterator<Item = Resting> {
        self.ladder(side).levels().flat_map(|level| level.queue(&self.orders)).copied()
    }

    /// A resting order.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<Resting> {
        self.orders.find(order).map(|slot| self.orders.get(slot).resting)
    }

    /// How many orders rest here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether no order rests here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    const fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Puts an order last in the queue at its price; nothing happens when its size is zero.
    fn place(&mut self, order: OrderId, side: Side, price: Price, size: Size) {
        if size > 0 {
            let (ladder, orders) = self.parts(side);
            ladder.push(Resting { order, side, price, size }, orders);
        }
    }

    /// Takes some or all of a resting order off the book.
    fn take(&mut self, order: OrderId, size: Size) {
        let (slot, Resting { side, size: left, .. }) = self.orders.take(order, size);
        let (ladder, orders) = self.parts(side);
        if size == left {
            ladder.remove(slot, orders);
        } else {
            ladder.shrink(slot, size, orders);
        }
    }

    const fn parts(&mut self, side: Side) -> (&mut Ladder, &mut Orders) {
        match side {
            Side::Buy => (&mut self.bids, &mut self.orders),
            Side::Sell => (&mut self.asks, &mut self.orders),
        }
    }
}

impl Aggregate for Book {
    const KIND: &'static str = "book";

    type Id = Symbol;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, cx: &mut Context<Event>) -> Result<(), Refusal> {
        matching::decide(self, command, cx)
    }

    fn evolve(&mut self, event: &Event) {
        match *event {
            Event::Accepted { price: None, .. } | Event::Expired { .. } => {}
            Event::Accepted { order, side, price: Some(price), resting, .. } => {
                self.place(order, side, price, resting);
            }
            Event::Traded { maker, size, .. } => self.take(maker, size),
            Event::Reduced { order, by, .. } => self.take(order, by),
            Event::Cancelled { order, size, .. } => self.take(order, size),
            Event::Replaced { order, side, size_before, price, resting, .. } => {
                self.take(order, size_before);
                self.place(order, side, price, resting);
            }
        }
    }
}

impl Default for Book {
    fn default() -> Self {
        Self {
            orders: Orders::default(),
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
        }
    }
}

impl PartialEq for Book {
    /// Equal are books that hold the same orders with the same priority.
    fn eq(&self, other: &Self) -> bool {
        [Side::Buy, Side::Sell].into_iter().all(|side| self.queue(side).eq(other.queue(side)))
    }
}

impl Eq for Book {}

impl Serialize for Book {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::of(self).serialize(serializer)
    }
}
