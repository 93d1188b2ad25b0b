//! Why a book does not take a command.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{OrderId, Price, Size};

/// Why a book does not take a command. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such order rests in the book: it never came, or it traded, expired or was cancelled.
    #[error("no order {order} rests in the book")]
    UnknownOrder {
        /// The id that was given.
        order: OrderId,
    },
    /// An order with this id rests in the book.
    #[error("order {order} rests in the book already")]
    DuplicateOrder {
        /// The id that was given.
        order: OrderId,
    },
    /// The size is zero, so that nothing would happen.
    #[error("the size is zero")]
    ZeroSize,
    /// A post-only order would trade at once.
    #[error("an order at {price} would trade with the best price, {best}")]
    WouldCross {
        /// The price that was given.
        price: Price,
        /// The best price of the other side.
        best: Price,
    },
    /// A fill-or-kill order would not trade whole at once.
    #[error("of {size}, only {available} can be had")]
    CannotFill {
        /// The size that was given.
        size: Size,
        /// What the other side holds at the order's price or better.
        available: Size,
    },
    /// The sizes at this price would add up to more than can be counted.
    #[error("{size} more than {total} at {price} is out of range")]
    LevelOverflow {
        /// The price.
        price: Price,
        /// What rests there.
        total: Size,
        /// What was to be added.
        size: Size,
    },
    /// The book holds as many orders as it may.
    #[error("the book holds {orders_max} orders, the most it may")]
    OrderLimit {
        /// That number.
        orders_max: usize,
    },
    /// The side holds as many price levels as it may.
    #[error("this side holds {levels_max} price levels, the most it may")]
    LevelLimit {
        /// That number.
        levels_max: usize,
    },
}

impl Refusal {
    /// The name of the reason without its fields, as it is in JSON: what refusals are counted by.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownOrder { .. } => "UnknownOrder",
            Self::DuplicateOrder { .. } => "DuplicateOrder",
            Self::ZeroSize => "ZeroSize",
            Self::WouldCross { .. } => "WouldCross",
            Self::CannotFill { .. } => "CannotFill",
            Self::LevelOverflow { .. } => "LevelOverflow",
            Self::OrderLimit { .. } => "OrderLimit",
            Self::LevelLimit { .. } => "LevelLimit",
        }
    }
}
