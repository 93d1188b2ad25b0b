//! The two sides of a book.

use serde::{Deserialize, Serialize};

use super::Price;

/// The side of a book an order belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Bids: the higher price is the better one.
    Buy,
    /// Asks: the lower price is the better one.
    Sell,
}

impl Side {
    /// The side an order of this side trades with.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// The price as a number that is greater the better the price is for the other side.
    ///
    /// The complement reverses the order of all prices, and unlike the negation has no overflow.
    pub(super) const fn rank(self, price: Price) -> i64 {
        let flip = match self {
            Self::Buy => 0,
            Self::Sell => !0,
        };
        price ^ flip
    }

    /// Whether an order resting on this side at `price` trades with one that will go to `limit`.
    pub(super) const fn reaches(self, price: Price, limit: Option<Price>) -> bool {
        match limit {
            Some(limit) => self.rank(price) >= self.rank(limit),
            None => true,
        }
    }
}
