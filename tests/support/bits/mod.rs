//! A journal of every shape, its damaged copies, and what a recovery must make of each.
#![allow(dead_code, reason = "each promise uses its own part")]

pub(crate) mod canon;
pub(crate) mod forge;
pub(crate) mod image;
pub(crate) mod judge;
pub(crate) mod pages;
pub(crate) mod plan;
