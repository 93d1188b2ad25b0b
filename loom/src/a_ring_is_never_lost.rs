//! Whoever rings after its work is visible wakes the sleeper, or the sleeper sees the work.

use loom::thread;

use crate::doorbell::{Bell, Sleeper, doorbell};
use crate::sync::{Arc, AtomicUsize, Ordering};

/// Puts work where the sleeper looks, with nothing but the doorbell's own fence to order it.
fn bring_work(work: &AtomicUsize, bell: &Bell) {
    work.fetch_add(1, Ordering::Relaxed);
    bell.ring();
}

/// Sleeps until so much work is there. A ring that is lost is a deadlock, which loom reports.
fn wait_for(work: &AtomicUsize, wanted: usize, sleeper: &Sleeper) {
    let is_there = || work.load(Ordering::Relaxed) >= wanted;
    while !is_there() {
        sleeper.sleep_unless(is_there, None);
    }
}

#[test]
fn one_rings() {
    loom::model(|| {
        let (sleeper, bell) = doorbell();
        let work = Arc::new(AtomicUsize::new(0));
        let brought = Arc::clone(&work);
        let ringer = thread::spawn(move || bring_work(&brought, &bell));
        wait_for(&work, 1, &sleeper);
        ringer.join().unwrap();
    });
}

#[test]
fn one_rings_twice() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(4);
    model.check(|| {
        let (sleeper, bell) = doorbell();
        let work = Arc::new(AtomicUsize::new(0));
        let brought = Arc::clone(&work);
        let ringer = thread::spawn(move || {
            bring_work(&brought, &bell);
            bring_work(&brought, &bell);
        });
        wait_for(&work, 1, &sleeper);
        wait_for(&work, 2, &sleeper);
        ringer.join().unwrap();
    });
}

#[test]
fn two_ring() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let (sleeper, bell) = doorbell();
        let work = Arc::new(AtomicUsize::new(0));
        let ringers = [bell.clone(), bell].map(|bell| {
            let brought = Arc::clone(&work);
            thread::spawn(move || bring_work(&brought, &bell))
        });
        wait_for(&work, 2, &sleeper);
        ringers.into_iter().for_each(|ringer| ringer.join().unwrap());
    });
}
