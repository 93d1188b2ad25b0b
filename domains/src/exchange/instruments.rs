//! What a view keeps of each instrument, found by its symbol.

use foldhash::HashMap;

use super::Symbol;

/// A value for each symbol that has had an event.
#[derive(Clone, Debug)]
pub(super) struct Instruments<T>(HashMap<Symbol, T>);

impl<T> Default for Instruments<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: Default> Instruments<T> {
    pub(super) fn get(&self, symbol: Symbol) -> Option<&T> {
        self.0.get(&symbol)
    }

    pub(super) fn of(&mut self, symbol: Symbol) -> &mut T {
        self.0.entry(symbol).or_default()
    }
}
