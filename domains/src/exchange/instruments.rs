//! What a view keeps of each instrument, found by its symbol.

use foldhash::HashMap;

/// A value for each symbol that has had an event.
#[derive(Clone, Debug)]
pub(super) struct Instruments<T>(HashMap<String, T>);

impl<T> Default for Instruments<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: Default> Instruments<T> {
    pub(super) fn get(&self, symbol: &str) -> Option<&T> {
        self.0.get(symbol)
    }

    /// The value of this symbol, which is copied only the first time it is seen.
    pub(super) fn of(&mut self, symbol: &str) -> &mut T {
        if !self.0.contains_key(symbol) {
            self.0.insert(symbol.to_owned(), T::default());
        }
        self.0.get_mut(symbol).expect("it is there or was just put there")
    }
}
