//! Where durable batches meet their readers; a slow reader never holds up the writer.

use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, TryRecvError};
use hotledger_journal::{self as journal, Batch, JournalReads, Reader};

use crate::durable::Durable;
use crate::limits::FEED_BATCHES_MAX;
use crate::position::Position;
use crate::sync::{
    Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, PoisonError, Receiver, Sender, Weak,
    bounded, fence,
};

/// The writer's end: offers every durable batch to every reader, and waits for none.
pub(crate) struct Feed {
    door: Arc<Door>,
    readers: Vec<Sender<Batch>>,
}

/// Where readers come from.
#[derive(Clone)]
pub(crate) struct Feeds {
    door: Arc<Door>,
    reads: JournalReads,
}

/// What the two ends share.
struct Door {
    durable: AtomicU64,
    /// Whether anyone has come since the writer looked last.
    knocked: AtomicBool,
    joining: Mutex<Option<Joining>>,
}

/// Who waits to be let in; each as long as its reader is alive.
type Joining = Vec<(Weak<()>, Sender<Batch>)>;

impl Door {
    /// The list; `None` once the writer is gone.
    fn joining(&self) -> MutexGuard<'_, Option<Joining>> {
        // The list is whole at every point where a holder could panic.
        self.joining.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn feed(durable: Position, reads: JournalReads) -> (Feed, Feeds) {
    let door = Arc::new(Door {
        durable: AtomicU64::new(durable.events()),
        knocked: AtomicBool::new(false),
        joining: Mutex::new(Some(Joining::new())),
    });
    (Feed { door: Arc::clone(&door), readers: Vec::new() }, Feeds { door, reads })
}

impl Feed {
    /// Hands a durable batch on. A reader whose queue is full misses it and will notice.
    ///
    /// The line moves before anyone is let in and before the batch is sent: a reader that finds
    /// its queue empty looks at the line, so whoever comes too late for the send sees the line. The
    /// fence stands between the line and the look at the door, and one like it at the other end
    /// between the knock and the look at the line: one of the two sees what the other did. Readers
    /// knock once they are on the list, and it is looked at after the knock is taken back: who
    /// knocks in between is on the list already, or knocks anew.
    pub(crate) fn offer(&mut self, durable: Durable<'_>) {
        let batch = durable.batch();
        self.door.durable.store(batch.end_position(), Ordering::Release);
        fence(Ordering::SeqCst);
        let knocked = &self.door.knocked;
        if knocked.load(Ordering::Relaxed) {
            knocked.store(false, Ordering::Relaxed);
            let joined = self.door.joining().as_mut().map(std::mem::take).unwrap_or_default();
            self.readers.extend(joined.into_iter().map(|(_, reader)| reader));
        }
        self.readers.retain(|reader| match reader.try_send(batch.clone()) {
            Ok(()) => true,
            Err(error) => error.is_full(),
        });
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // Those who are still at the door are told like the others: their queue is closed.
        *self.door.joining() = None;
    }
}

impl Feeds {
    /// A reader whose next event is the one after `from`.
    pub(crate) fn join(&self, from: Position) -> FeedReader {
        let (sender, batches) = bounded(FEED_BATCHES_MAX);
        let alive = Arc::new(());
        if let Some(joining) = self.door.joining().as_mut() {
            // On an idle engine nobody lets them in; those who went away leave no trace.
            joining.retain(|(reader, _)| reader.strong_count() > 0);
            joining.push((Arc::downgrade(&alive), sender));
        }
        self.door.knocked.store(true, Ordering::Relaxed);
        // Before this reader looks at the line: see `Feed::offer`.
        fence(Ordering::SeqCst);
        FeedReader {
            feeds: self.clone(),
            batches,
            held: None,
            history: None,
            next: from,
            fallbacks: 0,
            _alive: alive,
        }
    }

    /// Up to here events are durable and may be seen.
    pub(crate) fn durable(&self) -> Position {
        Position::after(self.door.durable.load(Ordering::SeqCst))
    }

    pub(crate) fn reads(&self) -> &JournalReads {
        &self.reads
    }
}

/// A reader's end: every durable batch in order, from memory when it keeps up, else from disk.
pub(crate) struct FeedReader {
    feeds: Feeds,
    batches: Receiver<Batch>,
    /// A live batch that must wait until history has caught up with it.
    held: Option<Batch>,
    history: Option<Reader>,
    next: Position,
    fallbacks: u64,
    _alive: Arc<()>,
}

/// What the feed has for a reader.
pub(crate) enum Fed {
    /// A batch whose events from `next` on are new to the reader.
    Batch(Batch),
    /// Nothing new; the reader has seen all that is durable.
    CaughtUp,
    /// The engine is closed and everything has been read.
    Closed,
}

impl FeedReader {
    /// The next batch if there is one already.
    pub(crate) fn poll(&mut self) -> Result<Fed, journal::Error> {
        loop {
            if let Some(batch) = self.next_of_history()? {
                return Ok(Fed::Batch(batch));
            }
            let closed = match self.held.take().map_or_else(|| self.batches.try_recv(), Ok) {
                Ok(batch) => match self.admit(batch)? {
                    Some(batch) => return Ok(Fed::Batch(batch)),
                    None => continue,
                },
                Err(TryRecvError::Empty) => false,
                Err(TryRecvError::Disconnected) => true,
            };
            if self.next < self.feeds.durable() {
                self.open_history()?;
                continue;
            }
            return Ok(if closed { Fed::Closed } else { Fed::CaughtUp });
        }
    }

    /// The next batch, waiting for one no longer than this (`None`: as long as it takes).
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> Result<Fed, journal::Error> {
        match self.poll()? {
            Fed::CaughtUp => {}
            other => return Ok(other),
        }
        self.sleep(timeout);
        self.poll()
    }

    /// Waits for a batch, for the end of the feed, or until the time is over, once `poll` has
    /// nothing more.
    pub(crate) fn sleep(&mut self, timeout: Option<Duration>) {
        assert!(self.held.is_none(), "poll hands out what is held before it has nothing more");
        let received = match timeout {
            Some(timeout) => self.batches.recv_timeout(timeout),
            None => self.batches.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        self.held = received.ok();
    }

    /// Everything up to here has been handled; called once per batch by whoever took it.
    pub(crate) fn handled(&mut self, until: Position) {
        self.next = self.next.max(until);
    }

    pub(crate) fn next(&self) -> Position {
        self.next
    }

    pub(crate) fn durable(&self) -> Position {
        self.feeds.durable()
    }

    /// Whether batches come from the journal. Behind the last of them there may be no more for a
    /// long time, but the next poll says so: it gives a live batch, which is not behind any more,
    /// or has caught up, is closed or fails. Whoever holds something back until then lets it go.
    pub(crate) fn is_behind(&self) -> bool {
        self.history.is_some()
    }

    /// Times the reader had to go back to the journal.
    pub(crate) fn fallbacks(&self) -> u64 {
        self.fallbacks
    }

    /// Starts over from this position: what was taken and not handled comes again.
    pub(crate) fn rewind(&mut self, from: Position) {
        self.next = from;
        self.held = None;
        self.history = None;
    }

    fn next_of_history(&mut self) -> Result<Option<Batch>, journal::Error> {
        let Some(reader) = &mut self.history else { return Ok(None) };
        while let Some(batch) = reader.next()? {
            if batch.end_position() > self.next.events() {
                assert!(batch.first_position() <= self.next.events(), "history has no gap");
                return Ok(Some(batch));
            }
        }
        self.history = None;
        Ok(None)
    }

    /// A live batch, unless it is old or comes too early.
    fn admit(&mut self, batch: Batch) -> Result<Option<Batch>, journal::Error> {
        if batch.end_position() <= self.next.events() {
            return Ok(None);
        }
        if batch.first_position() <= self.next.events() {
            return Ok(Some(batch));
        }
        // Some were missed: everything before this batch is durable, so it is in the journal.
        self.held = Some(batch);
        self.open_history()?;
        Ok(None)
    }

    fn open_history(&mut self) -> Result<(), journal::Error> {
        assert!(self.history.is_none(), "history is read to its end before it is opened again");
        self.fallbacks += 1;
        self.history = Some(self.feeds.reads.reader_from(self.next.events())?);
        Ok(())
    }
}
