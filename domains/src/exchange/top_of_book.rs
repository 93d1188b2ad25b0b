//! The table of best prices: one row an instrument.

use hotledger::{Recorded, Rows, Table};
use serde::Serialize;

use super::instruments::Instruments;
use super::{Book, Levels, Quote, Side, Symbol};

/// The best bid and ask of every instrument, by its symbol.
#[derive(Clone, Debug, Default)]
pub struct TopOfBook {
    /// What the next best prices are taken from when the best ones go.
    instruments: Instruments<Levels>,
}

/// What [`TopOfBook`] says of one instrument. The bid is always below the ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Top {
    /// The highest price someone will buy at; `None` when nobody does.
    pub bid: Option<Quote>,
    /// The lowest price someone will sell at; `None` when nobody does.
    pub ask: Option<Quote>,
}

impl Top {
    fn of(levels: &Levels) -> Self {
        Self { bid: levels.best(Side::Buy), ask: levels.best(Side::Sell) }
    }
}

impl Table<Book> for TopOfBook {
    type Key = Symbol;
    type Row = Top;

    /// A row is written only when it changes: most events happen behind the best price.
    fn project(&mut self, recorded: &Recorded<Book>, rows: &Rows<Symbol, Top>) {
        let levels = self.instruments.of(recorded.id);
        let before = Top::of(levels);
        levels.apply(&recorded.event);
        let top = Top::of(levels);
        if top != before {
            rows.insert(recorded.id, top);
        }
    }
}
