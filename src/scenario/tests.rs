//! A scenario passes a sound aggregate, and names the fault of an unsound one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::Scenario;
use crate::aggregate::{Aggregate, Context};
use crate::codec::Event;
use crate::position::Timestamp;

/// A till; what is wrong with it comes with the commands and events that say so.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Till {
    sum: u64,
    peeks: Peeks,
    #[serde(skip)]
    forgotten: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Peeks(AtomicU64);

impl Clone for Peeks {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Relaxed)))
    }
}

#[derive(Debug, Clone, Serialize)]
enum Command {
    Pay { sum: u64 },
    Take { sum: u64 },
    Stamp,
    Sign,
    PayAtRandom,
    PayForgotten,
    Peek,
    Drift,
    Whisper,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Happened {
    Paid {
        sum: u64,
    },
    Taken {
        sum: u64,
    },
    Stamped {
        at: Timestamp,
    },
    Signed {
        key: String,
    },
    Forgotten {
        sum: u64,
    },
    Drifted,
    Whispered {
        #[serde(skip)]
        text: String,
    },
}

impl Event for Happened {}

#[derive(Debug, Clone, PartialEq, Serialize)]
enum Refused {
    OnlyHas { sum: u64 },
}

/// Another number each time, as no aggregate may have.
fn random() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

impl Aggregate for Till {
    const KIND: &'static str = "till";
    type Id = u64;
    type Command = Command;
    type Event = Happened;
    type Refusal = Refused;

    fn decide(&self, command: Command, cx: &mut Context<Happened>) -> Result<(), Refused> {
        match command {
            Command::Pay { sum: 0 } => {}
            Command::Pay { sum } => cx.record(Happened::Paid { sum }),
            Command::Take { sum } => {
                cx.record(Happened::Taken { sum });
                if sum > self.sum {
                    return Err(Refused::OnlyHas { sum: self.sum });
                }
            }
            Command::Stamp => cx.record(Happened::Stamped { at: cx.now() }),
            Command::Sign => {
                let key = cx.key().map(|key| key.to_string()).unwrap_or_default();
                cx.record(Happened::Signed { key });
            }
            Command::PayAtRandom => cx.record(Happened::Paid { sum: random() }),
            Command::PayForgotten => cx.record(Happened::Paid { sum: self.forgotten }),
            Command::Peek => drop(self.peeks.0.fetch_add(1, Relaxed)),
            Command::Drift => cx.record(Happened::Drifted),
            Command::Whisper => cx.record(Happened::Whispered { text: "psst".into() }),
        }
        Ok(())
    }

    fn evolve(&mut self, event: &Happened) {
        match event {
            Happened::Paid { sum } => self.sum += sum,
            Happened::Taken { sum } => self.sum -= sum,
            Happened::Forgotten { sum } => self.forgotten = *sum,
            Happened::Drifted => self.sum += random(),
            _ => {}
        }
    }
}

#[test]
fn a_sound_aggregate_passes() {
    Scenario::<Till>::given([]).when(Command::Pay { sum: 3 }).then([Happened::Paid { sum: 3 }]);
    Scenario::<Till>::given([Happened::Paid { sum: 3 }])
        .when(Command::Take { sum: 2 })
        .then([Happened::Taken { sum: 2 }]);
    Scenario::<Till>::given([Happened::Paid { sum: 3 }])
        .when(Command::Take { sum: 4 })
        .then_refused(Refused::OnlyHas { sum: 3 });
    Scenario::<Till>::given([]).when(Command::Pay { sum: 0 }).then_nothing();
}

#[test]
fn time_and_key_reach_the_decision() {
    Scenario::<Till>::given([])
        .at(Timestamp(7))
        .when(Command::Stamp)
        .then([Happened::Stamped { at: Timestamp(7) }]);
    let key = "00000000-0000-0000-0000-000000000005".to_owned();
    Scenario::<Till>::given([]).key(5_u128).when(Command::Sign).then([Happened::Signed { key }]);
}

#[test]
#[should_panic(
    expected = "other events than expected:\n- Paid { sum: 4 }\n+ Paid { sum: 3 }\n- Drifted"
)]
fn other_events_are_put_side_by_side() {
    Scenario::<Till>::given([])
        .when(Command::Pay { sum: 3 })
        .then([Happened::Paid { sum: 4 }, Happened::Drifted]);
}

#[test]
#[should_panic(expected = "refused with OnlyHas { sum: 0 }, expected [Taken { sum: 1 }]")]
fn a_refusal_is_not_what_events_expect() {
    Scenario::<Till>::given([]).when(Command::Take { sum: 1 }).then([Happened::Taken { sum: 1 }]);
}

#[test]
#[should_panic(
    expected = "accepted with [Paid { sum: 3 }], expected the refusal OnlyHas { sum: 0 }"
)]
fn events_are_not_what_a_refusal_expects() {
    Scenario::<Till>::given([])
        .when(Command::Pay { sum: 3 })
        .then_refused(Refused::OnlyHas { sum: 0 });
}

#[test]
#[should_panic(
    expected = "another refusal than expected:\n- OnlyHas { sum: 9 }\n+ OnlyHas { sum: 0 }"
)]
fn another_refusal_is_not_the_one_expected() {
    Scenario::<Till>::given([])
        .when(Command::Take { sum: 1 })
        .then_refused(Refused::OnlyHas { sum: 9 });
}

#[test]
#[should_panic(expected = "an event is not the same after encoding and decoding")]
fn an_event_that_loses_a_field_is_found_out() {
    Scenario::<Till>::given([]).when(Command::Whisper).then_nothing();
}

#[test]
#[should_panic(expected = "an event is not the same after encoding and decoding")]
fn so_is_one_in_the_history() {
    drop(Scenario::<Till>::given([Happened::Whispered { text: "psst".into() }]));
}

#[test]
#[should_panic(expected = "decide is not deterministic")]
fn chance_in_a_decision_is_found_out() {
    Scenario::<Till>::given([]).when(Command::PayAtRandom).then_nothing();
}

#[test]
#[should_panic(expected = "evolving the same events twice gave two different states")]
fn chance_in_evolve_is_found_out() {
    Scenario::<Till>::given([]).when(Command::Drift).then_nothing();
}

#[test]
#[should_panic(expected = "folding the same events twice gave two different states")]
fn chance_in_the_history_is_found_out() {
    Scenario::<Till>::given([Happened::Drifted]).when(Command::Stamp).then_nothing();
}

#[test]
#[should_panic(expected = "a state restored from a snapshot decides otherwise")]
fn a_field_that_no_snapshot_holds_is_found_out() {
    Scenario::<Till>::given([Happened::Forgotten { sum: 5 }])
        .when(Command::PayForgotten)
        .then([Happened::Paid { sum: 5 }]);
}

#[test]
#[should_panic(expected = "decide changed the state")]
fn a_decision_that_changes_the_state_is_found_out() {
    Scenario::<Till>::given([]).when(Command::Peek).then_nothing();
}
