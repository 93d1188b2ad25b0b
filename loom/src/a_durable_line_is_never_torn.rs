//! Who sees the durable sequence grow finds position, cursor and segments at least as far.

use loom::thread;

use crate::chain::Chain;
use crate::cursor::Cursor;
use crate::line::{Durable, SegmentStart};
use crate::sync::Arc;

const EVENTS: u64 = 10;

/// Behind batch `sequence - 1`, of which each has ten events and two are in a segment.
fn cursor(sequence: u64) -> Cursor {
    Cursor {
        segment: 1 + sequence / 2,
        offset: 4096 * (2 + sequence),
        last: 4096 * (1 + sequence),
        opening: 4096,
        sequence,
        position: sequence * EVENTS,
        chain: Chain([sequence as u8; 32]),
    }
}

fn segment(number: u64, first_position: u64) -> SegmentStart {
    SegmentStart { number, first_position }
}

/// What a reader on another thread may rely on.
fn look(durable: &Durable) {
    let sequence = durable.sequence();
    let position = durable.position();
    assert!(position >= sequence * EVENTS, "the position is as far as the sequence");
    let seen = durable.cursor();
    assert_eq!(seen, cursor(seen.sequence), "a cursor is of one piece");
    assert!(seen.sequence >= sequence, "the cursor is as far as the sequence");
    assert!(seen.position >= position, "the cursor is as far as the position");
    let begun = durable.segment_with(position).expect("segment 1 begins at position 0");
    let must_be = 1 + u64::from(sequence >= 2);
    assert!(begun >= must_be, "a segment is listed before anything in it is durable");
    assert!(durable.segment_count() >= begun, "and it stays listed");
}

#[test]
fn one_looks_while_a_segment_is_left_behind() {
    loom::model(|| {
        let durable = Arc::new(Durable::new(cursor(0), vec![segment(1, 0)]));
        let seen = Arc::clone(&durable);
        let looking = thread::spawn(move || look(&seen));
        durable.publish(cursor(1));
        durable.add_segment(segment(2, EVENTS));
        durable.publish(cursor(2));
        looking.join().unwrap();
    });
}

#[test]
fn two_looks_never_go_back() {
    loom::model(|| {
        let durable = Arc::new(Durable::new(cursor(0), vec![segment(1, 0)]));
        let seen = Arc::clone(&durable);
        let looking = thread::spawn(move || {
            let (first, before) = (seen.cursor(), seen.sequence());
            assert!(seen.sequence() >= before, "the sequence never goes back");
            assert!(seen.cursor().sequence >= first.sequence, "nor does the cursor");
        });
        durable.publish(cursor(1));
        looking.join().unwrap();
    });
}
