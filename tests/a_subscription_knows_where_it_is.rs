//! A subscription says up to where it delivered, and stops before what it cannot read.

mod support;

use std::sync::Arc;
use std::time::Duration;

use hotledger::{Aggregate, Context, Delivery, Engine, Event, MemoryDisk, Position};
use hotledger::{ReadError, SnapshotPolicy};
use serde::{Deserialize, Serialize};
use support::{Account, Command, usual};

#[test]
fn its_position_is_what_it_delivered_last_and_another_goes_on_from_there() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let fill = Command::Fill { events: 100, bytes: 1 };
    engine.aggregate::<Account>(1u64).execute(fill).wait().unwrap();
    let mut from = Position::ORIGIN;
    // One batch holds them all; each of these takes a part of it and goes away.
    for part in [1, 30, 69] {
        let mut subscription = engine.subscribe::<Account>(from);
        assert_eq!(subscription.position(), from);
        for _ in 0..part {
            let Some(Delivery::Event(recorded)) = subscription.next_wait().unwrap() else {
                panic!("events are left");
            };
            assert_eq!(recorded.position, Position::after(from.events() + 1));
            assert_eq!(subscription.position(), recorded.position);
            from = recorded.position;
        }
    }
    assert_eq!(from, engine.position());
}

#[test]
fn one_that_begins_at_the_head_has_no_lag() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let fill = Command::Fill { events: 100, bytes: 1 };
    engine.aggregate::<Account>(1u64).execute(fill).wait().unwrap();
    let _subscription = engine.subscribe::<Account>(engine.position());
    let stats = engine.stats();
    let subscribed = stats.readers.iter().find(|reader| reader.name.starts_with("subscription"));
    assert_eq!(subscribed.expect("it is listed").lag.events, 0);
}

/// The same kind before and after one of its events was removed from the code.
macro_rules! item {
    ($name:ident: $($variant:ident)*) => {
        mod $name {
            use super::*;

            #[derive(Default, Clone, Serialize, Deserialize)]
            pub(super) struct Item {
                events: u64,
            }

            #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
            pub(super) enum ItemEvent {
                $($variant {},)*
            }

            impl Event for ItemEvent {}

            impl Aggregate for Item {
                const KIND: &'static str = "item";
                type Id = u64;
                type Command = usize;
                type Event = ItemEvent;
                type Refusal = ();

                fn decide(&self, which: usize, cx: &mut Context<ItemEvent>) -> Result<(), ()> {
                    cx.record([$(ItemEvent::$variant {},)*][which].clone());
                    Ok(())
                }

                fn evolve(&mut self, _: &ItemEvent) {
                    self.events += 1;
                }
            }
        }
    };
}

item!(before: Kept Removed);
item!(after: Kept);

#[test]
fn an_event_that_cannot_be_read_is_told_again_and_never_passed_over() {
    let disk = MemoryDisk::new();
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<before::Item>();
    let engine = builder.snapshots(SnapshotPolicy::Events(1)).open().unwrap();
    let mut session = engine.session::<before::Item>(5);
    for which in [0, 0, 1, 0, 0] {
        assert!(session.submit(1, which).is_ok());
    }
    while let Some(answer) = session.reap_wait() {
        answer.unwrap();
    }
    engine.close().unwrap();

    // The snapshot lies behind the event, so the engine opens without reading it.
    let builder = Engine::builder_on(Arc::new(disk)).aggregate::<after::Item>();
    let engine = builder.open().unwrap();
    assert_eq!(engine.recovery().snapshot, Some(Position::after(5)));
    let mut subscription = engine.subscribe::<after::Item>(Position::ORIGIN);
    let mut next = || subscription.next_within(Duration::from_secs(10));
    for expected in [Position::at(0), Position::at(1)] {
        let Ok(Some(Delivery::Event(recorded))) = next() else { panic!("{expected} is readable") };
        assert_eq!(recorded.position, expected);
    }
    for _ in 0..3 {
        let told = next().map(|_| ());
        assert!(matches!(told, Err(ReadError::Replay(_))), "{told:?}");
    }
    assert_eq!(subscription.position(), Position::at(1));
    let mut behind = engine.subscribe::<after::Item>(Position::at(2));
    let Ok(Some(Delivery::Event(recorded))) = behind.next_wait() else { panic!("it is readable") };
    assert_eq!(recorded.position, Position::at(3), "who knows of it can go on behind it");
}
