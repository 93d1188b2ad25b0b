//! The view of depth: all price levels of all instruments.

use hotledger::{Recorded, View};

use super::instruments::Instruments;
use super::{Book, Levels, Symbol};

/// The price levels of every instrument, all read at one position.
#[derive(Clone, Debug, Default)]
pub struct Depth {
    instruments: Instruments<Levels>,
}

impl Depth {
    /// The levels of an instrument; `None` when it has had no order.
    #[must_use]
    pub fn of(&self, symbol: Symbol) -> Option<&Levels> {
        self.instruments.get(symbol)
    }
}

impl View<Book> for Depth {
    fn project(&mut self, recorded: &Recorded<Book>) {
        self.instruments.of(recorded.id).apply(&recorded.event);
    }
}
