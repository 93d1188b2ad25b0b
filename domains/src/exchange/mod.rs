//! An exchange: one limit order book per instrument, with price-time priority.
//!
//! ```
//! use hotledger::{Aggregate, Context, Timestamp};
//! use hotledger_domains::exchange::{Book, Command, Event, Side, TimeInForce};
//!
//! let mut book = Book::default();
//! for (order, side, price) in [(1, Side::Sell, 101), (2, Side::Buy, 102)] {
//!     let time_in_force = TimeInForce::GoodTillCancelled;
//!     let mut cx = Context::new(Timestamp(0));
//!     let command = Command::Limit { order, side, price, size: 10, time_in_force };
//!     book.decide(command, &mut cx)?;
//!     cx.recorded().iter().for_each(|event| book.evolve(event));
//! }
//! assert!(book.is_empty(), "they traded at 101, the price of the order that was there first");
//! # Ok::<(), hotledger_domains::exchange::Refusal>(())
//! ```
//!
//! The rules:
//!
//! * The better price trades first; at one price, the order that has stood there longest. A trade
//!   is made at the price of the resting order (the maker).
//! * An order that arrives is matched first and accepted last: its [`Event::Traded`], then its
//!   [`Event::Accepted`] with its terms and what of it now rests, then [`Event::Expired`] for what
//!   may not rest. In this order the book is never crossed, not even between two events of one
//!   command, so a view, a subscriber or `as_of` may stop at any of them.
//! * Every event that changes the book names side, price and size: depth can be kept from the
//!   events alone, without knowing the orders.
//! * The book remembers only the orders that rest in it. The id of a resting order is refused as a
//!   duplicate; an id whose order is gone may be used again, though fresh ids read better.
//! * Orders have no owners: nothing keeps a trader from trading with himself.
//!
//! Cost: an order at one of the eight best levels takes constant time; any other finds its level
//! by binary search, and a level that appears or goes moves the better ones by 24 bytes
//! each. Once the book has been as large as it gets, no order allocates.
//!
//! [`lobster`] reads recorded NASDAQ order flow, and [`replay`] turns it into commands and judges
//! whether the book filled the orders that NASDAQ filled.

mod bars;
mod book;
mod command;
mod depth;
mod event;
mod instruments;
mod levels;
pub mod lobster;
mod refusal;
pub mod replay;
mod side;
mod symbol;
mod top_of_book;
mod trade_tape;

pub use bars::{BARS_MAX, Bar, Bars};
pub use book::{Book, LEVELS_MAX, ORDERS_MAX, Resting};
pub use command::{Command, TimeInForce};
pub use depth::Depth;
pub use event::Event;
pub use levels::{Levels, Quote};
pub use refusal::Refusal;
pub use side::Side;
pub use symbol::{SYMBOL_CHARS_MAX, Symbol, SymbolError};
pub use top_of_book::{Top, TopOfBook};
pub use trade_tape::{TAPE_TRADES_MAX, Trade, TradeTape};

/// Names an order within its book.
pub type OrderId = u64;

/// A price in ticks; what a tick is worth is the instrument's business. It may be negative, as
/// that of a spread or, one day in 2020, of oil.
pub type Price = i64;

/// A number of shares, lots or contracts.
pub type Size = u64;
