//! What happens in a book.

use serde::{Deserialize, Serialize};

use super::{OrderId, Price, Side, Size};

/// What happened in a book.
///
/// A depth of price and size follows from the events alone: `Traded` takes `size` off the side
/// opposite to the aggressor, `Accepted` adds what rests, and so on; each names side and price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An order arrived, and this is what became of it. Its trades, if any, stand before this.
    Accepted {
        /// The order.
        order: OrderId,
        /// Whether it buys or sells.
        side: Side,
        /// The worst price it trades at; none for a market order.
        price: Option<Price>,
        /// The size it arrived with.
        size: Size,
        /// What of it now stands last in the queue at its price. The rest has traded or, for an
        /// order that may not rest, expires.
        resting: Size,
    },
    /// A resting order, the first in priority, met one that arrived.
    Traded {
        /// The resting order.
        maker: OrderId,
        /// The order that arrived.
        taker: OrderId,
        /// The side of the taker.
        aggressor: Side,
        /// The price, which is that of the maker.
        price: Price,
        /// How much changed hands.
        size: Size,
    },
    /// A resting order became smaller and kept its place.
    Reduced {
        /// The order.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its price.
        price: Price,
        /// By how much; something is left.
        by: Size,
    },
    /// A resting order was taken off the book.
    Cancelled {
        /// The order.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its price.
        price: Price,
        /// What was left of it.
        size: Size,
    },
    /// A resting order got another price or a greater size and lost its place. Its trades under
    /// the new terms, if any, stand before this.
    Replaced {
        /// The order.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Where it stood.
        price_before: Price,
        /// What was left of it there.
        size_before: Size,
        /// The worst price it trades at now.
        price: Price,
        /// The size it was given.
        size: Size,
        /// What of it now stands last in the queue at its price; the rest has traded.
        resting: Size,
    },
    /// What was left of an order that may not rest is gone.
    Expired {
        /// The order.
        order: OrderId,
        /// Its side.
        side: Side,
        /// What did not trade.
        size: Size,
    },
}

impl hotledger::Event for Event {}
