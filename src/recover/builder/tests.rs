//! A snapshot beside a writer that goes on.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use hotledger_journal::MemoryDisk;
use serde::{Deserialize, Serialize};

use super::*;
use crate::aggregate::{Aggregate, Context};
use crate::codec::Event;
use crate::engine::Engine;
use crate::limits::EASE_REST;
use crate::stages::{Stages, WriterStage};
use crate::write::{Request, Session};

/// Events between two snapshots.
const EVERY: u64 = 2_000;
/// Events before the first is built: enough for many rests.
const HISTORY: u64 = 20 * EVERY;
/// What the writer adds while the builder rests: more than that folds between two rests.
const MEANWHILE: u64 = EVERY / 2;

#[derive(Default, Clone, Serialize, Deserialize)]
struct Counter(u64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Counted {
    Once {},
}

impl Event for Counted {}

impl Aggregate for Counter {
    const KIND: &'static str = "counter";
    type Id = u64;
    type Command = ();
    type Event = Counted;
    type Refusal = ();

    fn decide(&self, (): (), cx: &mut Context<Counted>) -> Result<(), ()> {
        cx.record(Counted::Once {});
        Ok(())
    }

    fn evolve(&mut self, _: &Counted) {
        self.0 += 1;
    }
}

/// A writer that is stepped here, and the one who sends to it.
struct Busy {
    writer: WriterStage,
    session: Session<Counter>,
}

impl Busy {
    fn count(&mut self, times: u64) {
        let mut left = times;
        while left > 0 || self.session.in_flight() > 0 {
            while left > 0 && self.session.request(Request::new(left, ())).is_ok() {
                left -= 1;
            }
            self.writer.writer.as_mut().expect("it was not closed").step();
            while let Some(answer) = self.session.reap() {
                answer.expect("counting is never refused");
            }
        }
    }
}

#[test]
fn who_cannot_keep_up_rests_less_and_ends_where_the_journal_ended() {
    let builder = Engine::builder_on(Arc::new(MemoryDisk::new())).aggregate::<Counter>();
    let opened = builder.snapshots(SnapshotPolicy::Events(EVERY)).open_stepped();
    let (engine, stages) = opened.expect("memory does not refuse");
    let session = engine.session(1_000);
    let Stages { writer, snapshots, .. } = stages;
    let (mut busy, mut builder) = (Busy { writer, session }, snapshots.builder);
    busy.count(HISTORY);
    assert!(builder.is_due() && builder.built == 0);

    let rests = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&rests);
    builder.build_due_at_ease(move |rest| {
        seen.borrow_mut().push(rest);
        busy.count(MEANWHILE);
        // Whoever followed the writer would never end.
        seen.borrow().len() < 1_000
    });
    let rests = rests.take();
    let lag = |rests: usize| rests as f64 * MEANWHILE as f64 / EVERY as f64;
    for (earlier, rest) in rests.iter().enumerate() {
        let share = 1.0 - (lag(earlier) / EASE_LAG_MAX).min(1.0);
        assert_eq!(*rest, EASE_REST.mul_f64(share), "after {earlier} rests");
    }
    assert_eq!(rests.last(), Some(&Duration::ZERO), "it gave up its ease: {rests:?}");

    let (began, ended) = (Position::after(HISTORY), engine.position());
    let on_shelf = builder.recipe.shelf.list().expect("memory can be listed");
    assert_eq!(on_shelf, [ended, began], "built to where the journal ended, and then the next");
}

#[test]
fn nobody_is_rung_for_what_is_being_built() {
    let due =
        Due { events: AtomicU64::new(10), bytes: AtomicU64::new(100), written: AtomicU64::new(0) };
    assert!(!due.wrote(9, 50));
    assert!(due.wrote(10, 1) && due.wrote(9, 60), "by events, and by bytes");
    due.silence();
    assert!(!due.wrote(11, 1_000));
}
