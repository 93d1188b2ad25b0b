//! Journal writes through io_uring: two under way at once, begun and reaped without blocking.

#[cfg(test)]
mod tests;
mod write;

use std::{array, collections::VecDeque, io, mem, os::fd::AsRawFd, sync::Arc, time::Duration};

use io_uring::{IoUring, Probe, opcode, types};

use self::write::Write;
use super::{
    AlignedBuffer, Completion, DiskFile, WriteQueue, WriteTicket,
    os_file::{LockFile, OsFile},
};

/// Writes under way at once. In a bare loop two carried a third more than one, and the more are
/// under way, the more a crash can tear.
const IN_FLIGHT: usize = 2;

/// Whoever fills the queue while the kernel has no memory for it waits this long between tries.
const PAUSE: Duration = Duration::from_micros(50);

/// Tries before a kernel that takes nothing counts as a failed disk: a second.
const TRIES_MAX: u32 = 20_000;

/// A ring that the kernel fills in while the writer goes on.
///
/// A file that is not open past the page cache is written by a blocking call: the kernel would
/// hand its write to a thread of its own, which costs more than it gains.
///
/// A process that is killed is gone before what it began is written, unlike one in a blocking
/// call. The ring therefore holds the directory's lock: the kernel frees a ring, and the lock with
/// it, only after its last write, so whoever recovers comes after it.
pub(super) struct RingQueue {
    // The ring is first: it is closed before the memory that it was told of is let go.
    ring: IoUring,
    slots: [Option<Write>; IN_FLIGHT],
    /// What ended in the call that began it.
    ended: VecDeque<Completion>,
    lock: Option<Arc<LockFile>>,
}

impl RingQueue {
    /// Sets up a ring that holds this lock, where the kernel has it and the sandbox allows it.
    pub(super) fn new(lock: Option<Arc<LockFile>>) -> io::Result<RingQueue> {
        let ring = IoUring::new(IN_FLIGHT as u32)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Write::CODE) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "no plain writes"));
        }
        if let Some(lock) = &lock {
            ring.submitter().register_files(&[lock.as_raw_fd()])?;
        }
        let slots = array::from_fn(|_| None);
        Ok(RingQueue { ring, slots, ended: VecDeque::with_capacity(IN_FLIGHT), lock })
    }

    /// Tells the kernel of a write; it is in its slot already.
    fn begin(&mut self, at: usize, fd: i32) -> io::Result<()> {
        let write = self.slots[at].as_ref().expect("the slot was filled");
        let length = u32::try_from(write.bytes.len()).expect("a batch is at most a mebibyte");
        let entry = opcode::Write::new(types::Fd(fd), write.bytes.as_ptr(), length)
            .offset(write.offset)
            .build()
            .user_data(at as u64);
        // SAFETY: the kernel reads `length` bytes at this place, from now until it completes the
        // entry. The slot holds a share of the buffer, whose bytes nobody can change while it is
        // shared and which never moves them, and a share of the file, so the descriptor stays
        // open. A slot is emptied only by `let_go`, after the completion; `drop` waits for that,
        // or leaves the slots to nobody.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        pushed.expect("the ring has an entry for every slot");
        self.enter(0)
    }

    /// Hands over what was pushed and waits until so many are complete.
    fn enter(&mut self, wanted: usize) -> io::Result<()> {
        let mut tries = 0;
        while tries < TRIES_MAX {
            match self.ring.submit_and_wait(wanted) {
                Ok(_) if self.ring.submission().is_empty() => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if !is_passing(&error) => return Err(error),
                _ => std::thread::sleep(PAUSE),
            }
            tries += 1;
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "io_uring takes no more writes"))
    }

    /// The next write that the kernel has completed and that was not given up before.
    fn reap(&mut self) -> Option<Completion> {
        loop {
            let (write, result) = self.let_go()?;
            if !write.given_up {
                return Some(write.end(result));
            }
        }
    }

    /// Takes the next completed write out of its slot.
    fn let_go(&mut self) -> Option<(Write, io::Result<usize>)> {
        let entry = self.ring.completion().next()?;
        let at = usize::try_from(entry.user_data()).expect("a slot's number");
        let write = self.slots[at].take().expect("the kernel completes what was begun, once");
        let result = match entry.result() {
            code if code < 0 => Err(io::Error::from_raw_os_error(-code)),
            written => Ok(written.unsigned_abs() as usize),
        };
        Some((write, result))
    }

    /// The slot of the oldest write under way.
    fn oldest(&self) -> Option<usize> {
        let under_way = self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let write = slot.as_ref().filter(|write| !write.given_up)?;
            Some((write.ticket, at))
        });
        under_way.min().map(|(_, at)| at)
    }

    /// Tells a write as failed: what the disk has of it, or will have, is not known.
    fn give_up(&mut self, at: usize, error: io::Error) -> Completion {
        let write = self.slots[at].as_mut().expect("only what is under way is given up");
        write.given_up = true;
        write.completion(Err(error))
    }
}

/// The kernel is short of memory or of room for completions.
fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let passing = [Errno::AGAIN, Errno::BUSY];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}

impl WriteQueue for RingQueue {
    fn in_flight_max(&self) -> usize {
        IN_FLIGHT
    }

    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) {
        let write = Write::new(file, offset, bytes, ticket);
        let fd = match file.as_any().downcast_ref::<OsFile>() {
            Some(file) => file.direct_fd(offset + write.bytes.len() as u64),
            None => Ok(None),
        };
        let fd = match fd {
            Ok(Some(fd)) => fd.as_raw_fd(),
            Ok(None) => return self.ended.push_back(write.end(Ok(0))),
            Err(beyond) => return self.ended.push_back(write.end(Err(beyond))),
        };
        let at = self.slots.iter().position(Option::is_none);
        let at = at.expect("ask for a free slot before submitting");
        self.slots[at] = Some(write);
        if let Err(error) = self.begin(at, fd) {
            let failed = self.give_up(at, error);
            self.ended.push_back(failed);
        }
    }

    fn complete(&mut self, wait: bool) -> Option<Completion> {
        loop {
            if let Some(ended) = self.ended.pop_front().or_else(|| self.reap()) {
                return Some(ended);
            }
            let oldest = self.oldest().filter(|_| wait)?;
            if let Err(error) = self.enter(1) {
                return Some(self.give_up(oldest, error));
            }
        }
    }
}

impl Drop for RingQueue {
    /// Waits for whatever the kernel has or may still be given, told as failed or not: who opens
    /// the journal next must not meet it.
    fn drop(&mut self) {
        while self.slots.iter().any(Option::is_some) {
            if self.let_go().is_none() && self.enter(1).is_err() {
                // The kernel no longer answers: it keeps the memory, and the lock with it.
                self.slots.iter_mut().for_each(|slot| mem::forget(slot.take()));
                mem::forget(self.lock.take());
            }
        }
    }
}
