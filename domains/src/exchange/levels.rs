//! The depth of a book as anyone can keep it from the events: price and size, no orders.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Event, Price, Side, Size};

/// A price and the size that rests there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// The price.
    pub price: Price,
    /// The sum of what rests there.
    pub size: Size,
}

/// The price levels of one instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    bids: BTreeMap<Price, Size>,
    asks: BTreeMap<Price, Size>,
}

impl Levels {
    /// The best price of a side and what rests there; `None` when the side is empty.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Quote> {
        let best = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        };
        best.map(|(&price, &size)| Quote { price, size })
    }

    /// The bids, the highest first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = Quote> {
        self.bids.iter().rev().map(|(&price, &size)| Quote { price, size })
    }

    /// The asks, the lowest first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = Quote> {
        self.asks.iter().map(|(&price, &size)| Quote { price, size })
    }

    /// Folds one event of this instrument.
    pub fn apply(&mut self, event: &Event) {
        match *event {
            Event::Accepted { price: None, .. } | Event::Expired { .. } => {}
            Event::Accepted { side, price: Some(price), resting, .. } => {
                self.add(side, price, resting);
            }
            Event::Traded { aggressor, price, size, .. } => {
                self.subtract(aggressor.opposite(), price, size);
            }
            Event::Reduced { side, price, by, .. } => self.subtract(side, price, by),
            Event::Cancelled { side, price, size, .. } => self.subtract(side, price, size),
            Event::Replaced { side, price_before, size_before, price, resting, .. } => {
                self.subtract(side, price_before, size_before);
                self.add(side, price, resting);
            }
        }
    }

    fn add(&mut self, side: Side, price: Price, size: Size) {
        if size > 0 {
            *self.side(side).entry(price).or_default() += size;
        }
    }

    fn subtract(&mut self, side: Side, price: Price, size: Size) {
        let levels = self.side(side);
        let total = levels.get_mut(&price).expect("something rests where an event takes it off");
        *total -= size;
        if *total == 0 {
            levels.remove(&price);
        }
    }

    const fn side(&mut self, side: Side) -> &mut BTreeMap<Price, Size> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}
