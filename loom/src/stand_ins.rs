//! What the files under test import besides `sync`, as small as it can be.

/// A journal of which every batch holds one event, and that is as long as it is durable.
pub mod journal {
    use crate::sync::{Arc, Mutex};

    /// The batch with the event at this position.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Batch(pub u64);

    impl Batch {
        /// Position of its event.
        pub fn first_position(&self) -> u64 {
            self.0
        }

        /// Position behind it.
        pub fn end_position(&self) -> u64 {
            self.0 + 1
        }
    }

    /// There is none: the journal can always be read.
    #[derive(Debug)]
    pub enum Error {}

    /// What a reader sees: how many events are durable.
    #[derive(Clone)]
    pub struct JournalReads(Arc<Mutex<u64>>);

    impl JournalReads {
        /// An empty journal.
        pub fn new() -> Self {
            Self(Arc::new(Mutex::new(0)))
        }

        /// Makes one more event durable; its batch.
        pub fn append(&self) -> Batch {
            let mut durable = self.0.lock().unwrap();
            *durable += 1;
            Batch(*durable - 1)
        }

        /// How many events are durable.
        pub fn durable(&self) -> u64 {
            *self.0.lock().unwrap()
        }

        /// Reads on from a position.
        pub fn reader_from(&self, position: u64) -> Result<Reader, Error> {
            Ok(Reader { reads: self.clone(), next: position })
        }
    }

    /// Reads to what is durable.
    pub struct Reader {
        reads: JournalReads,
        next: u64,
    }

    impl Reader {
        /// The next batch if it is durable.
        pub fn next(&mut self) -> Result<Option<Batch>, Error> {
            let durable = *self.reads.0.lock().unwrap();
            let batch = (self.next < durable).then_some(Batch(self.next));
            self.next += u64::from(batch.is_some());
            Ok(batch)
        }
    }
}

pub(crate) mod chain {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Chain(pub [u8; 32]);
}

pub(crate) mod durable {
    use super::journal::Batch;

    #[derive(Clone, Copy)]
    pub(crate) struct Durable<'a>(pub(crate) &'a Batch);

    impl<'a> Durable<'a> {
        pub(crate) fn batch(&self) -> &'a Batch {
            self.0
        }
    }
}

pub(crate) mod limits {
    pub(crate) const BLOCK_BYTES: usize = 4096;

    /// So small that a reader falls behind at once.
    pub(crate) const FEED_BATCHES_MAX: usize = 1;
}

pub(crate) mod wait {
    pub(crate) enum Wait {
        Adaptive,
    }

    /// Parks at once: what is spun before changes nothing about the parking.
    pub(crate) struct Patience;

    impl Patience {
        pub(crate) fn new(_: Wait) -> Self {
            Self
        }

        pub(crate) fn pause(&mut self) -> bool {
            false
        }
    }
}

pub(crate) mod clock {
    use std::time::Duration;

    #[derive(Clone, Copy)]
    pub(crate) struct Stamp;

    impl Stamp {
        pub(crate) fn now() -> Self {
            Self
        }

        pub(crate) fn remaining(self, whole: Duration) -> Duration {
            whole
        }
    }
}

pub(crate) mod error {
    use std::time::Duration;

    use crate::position::Position;

    #[derive(Debug)]
    pub(crate) enum ReadError {
        TimedOut { wanted: Position, reached: Position, waited: Duration },
    }
}

pub(crate) mod figures {
    use std::time::Duration;

    use crate::position::Position;

    pub(crate) struct Lag {
        pub(crate) events: u64,
        pub(crate) time: Duration,
    }

    pub(crate) struct ReaderStats {
        pub(crate) name: String,
        pub(crate) position: Position,
        pub(crate) lag: Lag,
        pub(crate) fallbacks: u64,
        pub(crate) skipped: Vec<Position>,
        pub(crate) failure: Option<String>,
    }
}
