//! The view of trades: the newest of each instrument.

use std::collections::VecDeque;

use hotledger::{Position, Recorded, Timestamp, View};
use serde::Serialize;

use super::instruments::Instruments;
use super::{Book, Event, OrderId, Price, Side, Size, Symbol};

/// How many trades are kept for each instrument. Older ones are in the journal.
pub const TAPE_TRADES_MAX: usize = 1_000;

/// The newest trades of every instrument.
#[derive(Clone, Debug, Default)]
pub struct TradeTape {
    instruments: Instruments<VecDeque<Trade>>,
}

/// One trade, as it is printed on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Trade {
    /// Where it stands in the whole journal.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// The order that rested.
    pub maker: OrderId,
    /// The order that arrived.
    pub taker: OrderId,
    /// The side of the order that arrived.
    pub aggressor: Side,
    /// The price.
    pub price: Price,
    /// How much changed hands.
    pub size: Size,
}

impl TradeTape {
    /// The newest trades of an instrument, at most [`TAPE_TRADES_MAX`], the newest last.
    pub fn of(&self, symbol: Symbol) -> impl DoubleEndedIterator<Item = &Trade> {
        self.instruments.get(symbol).into_iter().flatten()
    }
}

impl View<Book> for TradeTape {
    fn project(&mut self, recorded: &Recorded<Book>) {
        let Event::Traded { maker, taker, aggressor, price, size } = recorded.event else {
            return;
        };
        let (position, time) = (recorded.position, recorded.time);
        let tape = self.instruments.of(recorded.id);
        if tape.len() == TAPE_TRADES_MAX {
            tape.pop_front();
        }
        tape.push_back(Trade { position, time, maker, taker, aggressor, price, size });
    }
}
