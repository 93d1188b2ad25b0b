//! Where the protocols between threads get their atomics, locks and queues.
//!
//! Their files name nothing else, so that `loom/` can run the same files on loom's in place of
//! these and look at every order of what their threads do.

pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering, fence,
};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

pub(crate) use crossbeam_channel::{Receiver, Sender, bounded};
pub(crate) use crossbeam_utils::sync::{Parker, Unparker};
