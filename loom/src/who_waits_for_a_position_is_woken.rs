//! Whoever waits for a position is woken when it is reached, however the two meet.

use std::time::Duration;

use loom::thread;

use crate::position::Position;
use crate::progress::Progress;
use crate::sync::Arc;

/// Here a wait does not time out: one that is not woken is a deadlock.
fn wait_for(progress: &Progress, events: u64) {
    let wanted = Position::after(events);
    progress.wait_for(wanted, Duration::MAX).unwrap();
    assert!(progress.position() >= wanted, "it was reached");
}

#[test]
fn one_waits() {
    loom::model(|| {
        let progress = Arc::new(Progress::new("view"));
        let waited = Arc::clone(&progress);
        let waiting = thread::spawn(move || wait_for(&waited, 1));
        progress.reach(Position::after(1));
        waiting.join().unwrap();
    });
}

#[test]
fn one_waits_for_the_second_of_two() {
    loom::model(|| {
        let progress = Arc::new(Progress::new("view"));
        let waited = Arc::clone(&progress);
        let waiting = thread::spawn(move || wait_for(&waited, 2));
        progress.reach(Position::after(1));
        progress.reach(Position::after(2));
        waiting.join().unwrap();
    });
}

#[test]
fn two_wait_for_different_positions() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let progress = Arc::new(Progress::new("view"));
        let waiting = [1, 2].map(|events| {
            let waited = Arc::clone(&progress);
            thread::spawn(move || wait_for(&waited, events))
        });
        progress.reach(Position::after(1));
        progress.reach(Position::after(2));
        waiting.into_iter().for_each(|waiting| waiting.join().unwrap());
    });
}
