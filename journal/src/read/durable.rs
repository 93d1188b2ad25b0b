//! What the writer has made durable, for readers on other threads.

use crate::{
    cursor::Cursor,
    sync::{AtomicU64, Mutex, Ordering, PoisonError, RwLock},
};

/// Published by the writer once per durable batch; the sequence last, so that whoever sees it
/// grow finds the rest up to date.
#[derive(Debug)]
pub(crate) struct Durable {
    sequence: AtomicU64,
    position: AtomicU64,
    cursor: Mutex<Cursor>,
    segments: RwLock<Vec<SegmentStart>>,
}

/// First position in a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentStart {
    pub(crate) number: u64,
    pub(crate) first_position: u64,
}

impl Durable {
    pub(crate) fn new(cursor: Cursor, segments: Vec<SegmentStart>) -> Durable {
        assert!(cursor.sequence > 0 || segments.len() == 1, "an empty journal has one segment");
        Durable {
            sequence: AtomicU64::new(cursor.sequence),
            position: AtomicU64::new(cursor.position),
            cursor: Mutex::new(cursor),
            segments: RwLock::new(segments),
        }
    }

    pub(crate) fn publish(&self, cursor: Cursor) {
        assert!(cursor.sequence > self.sequence(), "what is durable only grows");
        assert!(cursor.position >= self.position(), "positions only grow");
        assert_eq!(cursor.sequence, self.sequence() + 1, "batches become durable one by one");
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = cursor;
        self.position.store(cursor.position, Ordering::Release);
        self.sequence.store(cursor.sequence, Ordering::Release);
    }

    pub(crate) fn add_segment(&self, start: SegmentStart) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        assert!(segments.last().is_none_or(|last| last.number + 1 == start.number), "no gap");
        let grows = |last: &SegmentStart| last.first_position <= start.first_position;
        assert!(segments.last().is_none_or(grows), "positions only grow");
        segments.push(start);
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    pub(crate) fn cursor(&self) -> Cursor {
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn segment_with(&self, position: u64) -> Option<u64> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segment_with(&segments, position)
    }

    pub(crate) fn segment_count(&self) -> u64 {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).len() as u64
    }
}

/// The segment that holds a position, or will hold it: the last to begin at or before it.
pub(crate) fn segment_with(segments: &[SegmentStart], position: u64) -> Option<u64> {
    assert!(segments.first().is_none_or(|first| first.first_position == 0), "from the start");
    let behind = segments.partition_point(|start| start.first_position <= position);
    Some(segments.get(behind.checked_sub(1)?)?.number)
}
