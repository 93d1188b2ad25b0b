//! What can be asked of a book.

use serde::{Deserialize, Serialize};

use super::{OrderId, Price, Side, Size};

/// What can be asked of a book.
///
/// In JSON, with `"Buy"` or `"Sell"` for a side; unknown fields are an error:
///
/// ```json
/// {"Limit":{"order":1,"side":"Buy","price":5853300,"size":18}}
/// {"Limit":{"order":2,"side":"Buy","price":5853300,"size":18,"time_in_force":"PostOnly"}}
/// {"Market":{"order":3,"side":"Sell","size":5}}
/// {"Cancel":{"order":1}}
/// {"Reduce":{"order":2,"by":8}}
/// {"Replace":{"order":2,"price":5853400,"size":10}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Command {
    /// Buys or sells at this price or better.
    Limit {
        /// The id of the order; not that of a resting one.
        order: OrderId,
        /// Whether it buys or sells.
        side: Side,
        /// The worst price it trades at.
        price: Price,
        /// How much it buys or sells; not zero.
        size: Size,
        /// What becomes of what does not trade at once.
        #[serde(default)]
        time_in_force: TimeInForce,
    },
    /// Buys or sells at whatever prices there are. What finds nobody expires.
    Market {
        /// The id of the order; not that of a resting one.
        order: OrderId,
        /// Whether it buys or sells.
        side: Side,
        /// How much it buys or sells; not zero.
        size: Size,
    },
    /// Takes a resting order off the book.
    Cancel {
        /// The order.
        order: OrderId,
    },
    /// Makes a resting order smaller; it keeps its place. An order of which nothing would be left
    /// is cancelled, because the intent is to be exposed less and a trade may have come first.
    Reduce {
        /// The order.
        order: OrderId,
        /// By how much; not zero.
        by: Size,
    },
    /// Gives a resting order another price and size.
    ///
    /// It keeps its place only when the price stays and the size does not grow. Otherwise it
    /// arrives anew under its old id: it trades if it can, and what is left goes to the end of
    /// the queue at its price.
    Replace {
        /// The order.
        order: OrderId,
        /// The worst price it trades at from now on.
        price: Price,
        /// What is left of it from now on; not zero.
        size: Size,
    },
}

/// What becomes of the part of a limit order that does not trade at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeInForce {
    /// It rests in the book until it trades or is cancelled.
    #[default]
    GoodTillCancelled,
    /// It expires. To find nobody at all is no refusal: the order asks for what there is.
    ImmediateOrCancel,
    /// There may be no such part: the order is refused unless it trades whole at once.
    FillOrKill,
    /// There is only such a part: the order is refused if any of it would trade at once. This
    /// holds on arrival; a later [`Command::Replace`] may trade.
    PostOnly,
}
