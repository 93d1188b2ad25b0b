//! Where what is shared between threads gets its atomics and locks; `loom/` puts its own here.

pub(crate) use std::sync::{
    Mutex, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};
