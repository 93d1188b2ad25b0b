//! The view of one-second bars: the course of each instrument's price.

use std::collections::VecDeque;

use hotledger::{Recorded, View};
use serde::Serialize;

use super::instruments::Instruments;
use super::{Book, Event, Price, Size, Symbol};

/// How many bars are kept for each instrument: a day in which every second has a trade.
pub const BARS_MAX: usize = 86_400;

/// One bar for every second of every instrument in which there was a trade.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    instruments: Instruments<VecDeque<Bar>>,
}

/// The trades of one second, by the time of their events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The second, counted from the Unix epoch.
    pub second: i64,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// How much changed hands; wider than the size of one trade, so it cannot overflow.
    pub volume: u128,
}

impl Bars {
    /// The newest bars of an instrument, at most [`BARS_MAX`], the newest last. A second without
    /// a trade has no bar.
    pub fn of(&self, symbol: Symbol) -> impl DoubleEndedIterator<Item = &Bar> {
        self.instruments.get(symbol).into_iter().flatten()
    }
}

impl Bar {
    fn first(second: i64, price: Price, size: Size) -> Self {
        let volume = size.into();
        Self { second, open: price, high: price, low: price, close: price, volume }
    }

    fn add(&mut self, price: Price, size: Size) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
        self.volume += u128::from(size);
    }
}

impl View<Book> for Bars {
    /// Time never goes back along the journal, so a trade belongs to the last bar or a new one.
    fn project(&mut self, recorded: &Recorded<Book>) {
        let Event::Traded { price, size, .. } = recorded.event else {
            return;
        };
        let second = recorded.time.seconds();
        let bars = self.instruments.of(recorded.id);
        match bars.back_mut() {
            Some(bar) if bar.second == second => return bar.add(price, size),
            _ => {}
        }
        if bars.len() == BARS_MAX {
            bars.pop_front();
        }
        bars.push_back(Bar::first(second, price, size));
    }
}
