//! What the benches share: a kind of aggregate, histories on disk, laps and their table.
#![allow(dead_code, unreachable_pub, reason = "each bench uses its own part")]

pub mod booking;
pub mod history;
pub mod laps;
pub mod picks;
