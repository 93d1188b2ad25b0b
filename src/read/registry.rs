//! Who reads at the moment: every projector and subscription, for the figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use crate::figures::ReaderStats;
use crate::position::{Position, Timestamp};
use crate::read::progress::Progress;

/// The readers of one engine. They come and go from any thread, far off the hot path.
#[derive(Clone, Default)]
pub(crate) struct Readers {
    entries: Arc<DashMap<u64, Arc<Progress>>>,
    next: Arc<AtomicU64>,
}

/// One reader's place in the registry; dropping it takes the reader out.
pub(crate) struct ReaderEntry {
    readers: Readers,
    number: u64,
    progress: Arc<Progress>,
}

impl Readers {
    pub(crate) fn enter(&self, progress: Arc<Progress>) -> ReaderEntry {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.entries.insert(number, Arc::clone(&progress));
        ReaderEntry { readers: self.clone(), number, progress }
    }

    pub(crate) fn stats(&self, durable: Position, now: Timestamp) -> Vec<ReaderStats> {
        let mut numbered: Vec<_> =
            self.entries.iter().map(|entry| (*entry.key(), Arc::clone(entry.value()))).collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        numbered.iter().map(|(_, progress)| progress.stats(durable, now)).collect()
    }
}

impl ReaderEntry {
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }
}

impl Drop for ReaderEntry {
    fn drop(&mut self) {
        self.readers.entries.remove(&self.number);
    }
}
