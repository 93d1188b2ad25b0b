//! Loom's atomics and locks, and the two things made of them that loom does not have.

pub(crate) use std::sync::{Arc, PoisonError, Weak};
use std::{collections::VecDeque, sync::LockResult, time::Duration};

use crossbeam_channel::{RecvError, RecvTimeoutError, TryRecvError, TrySendError};
pub(crate) use loom::sync::{
    Mutex, MutexGuard, RwLock,
    atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering, fence},
};

/// A condition variable on which nobody's patience ends: what should be a wake-up and is a timeout
/// shows as a deadlock.
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        mut held: MutexGuard<'a, T>,
        _: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut held) {
            held = self.0.wait(held)?;
        }
        Ok(held)
    }
}

/// A token that a thread waits for, as crossbeam's is; here too nobody's patience ends.
pub(crate) struct Parker(Arc<Token>);

#[derive(Clone)]
pub(crate) struct Unparker(Arc<Token>);

struct Token {
    there: Mutex<bool>,
    put: loom::sync::Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Token { there: Mutex::new(false), put: loom::sync::Condvar::new() }))
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(Arc::clone(&self.0))
    }

    pub(crate) fn park(&self) {
        let mut there = self.0.there.lock().unwrap();
        while !*there {
            there = self.0.put.wait(there).unwrap();
        }
        *there = false;
    }

    pub(crate) fn park_timeout(&self, _: Duration) {
        self.park();
    }
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        *self.0.there.lock().unwrap() = true;
        self.0.put.notify_one();
    }
}

/// A bounded queue of one sender and one receiver, as crossbeam's is.
pub(crate) fn bounded<T>(max: usize) -> (Sender<T>, Receiver<T>) {
    let state = State { queue: VecDeque::new(), sender_gone: false, receiver_gone: false };
    let shared =
        Arc::new(Queue { max, state: Mutex::new(state), came: loom::sync::Condvar::new() });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

struct Queue<T> {
    max: usize,
    state: Mutex<State<T>>,
    came: loom::sync::Condvar,
}

struct State<T> {
    queue: VecDeque<T>,
    sender_gone: bool,
    receiver_gone: bool,
}

pub(crate) struct Sender<T>(Arc<Queue<T>>);

pub(crate) struct Receiver<T>(Arc<Queue<T>>);

impl<T> Sender<T> {
    pub(crate) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut state = self.0.state.lock().unwrap();
        if state.receiver_gone {
            return Err(TrySendError::Disconnected(item));
        }
        if state.queue.len() == self.0.max {
            return Err(TrySendError::Full(item));
        }
        state.queue.push_back(item);
        self.0.came.notify_one();
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().sender_gone = true;
        self.0.came.notify_one();
    }
}

impl<T> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.state.lock().unwrap();
        match state.queue.pop_front() {
            Some(item) => Ok(item),
            None if state.sender_gone => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        let mut state = self.0.state.lock().unwrap();
        loop {
            match state.queue.pop_front() {
                Some(item) => return Ok(item),
                None if state.sender_gone => return Err(RecvError),
                None => state = self.0.came.wait(state).unwrap(),
            }
        }
    }

    pub(crate) fn recv_timeout(&self, _: Duration) -> Result<T, RecvTimeoutError> {
        self.recv().map_err(|_| RecvTimeoutError::Disconnected)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().receiver_gone = true;
    }
}
