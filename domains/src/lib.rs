//! Ready-made domains for `hotledger`, each written against its public API alone.
//!
//! * [`bank`]: accounts, and transfers between them;
//! * [`exchange`]: a limit order book per instrument, and real order flow to drive it with.
//!
//! Both are meant to be read as well as used: a domain is an aggregate (its state, its commands,
//! its events and its refusals) and the views that are folded from its events.

pub mod bank;
pub mod exchange;
