//! A session's answers come in the order of its commands, whatever becomes of each.
//!
//! The writer settles commands in groups and catches panics around a group, so an answer too many,
//! or one too few, would shift all that follow.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::thread;

use hotledger::{
    Aggregate, AggregateId, CommandKey, Context, Engine, Event, ExecuteError, Position, Request,
    StreamId,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::{Deserialize, Serialize, Serializer};

/// Its hash panics on the writer's thread where it is [`BAD_ID`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct TallyId(u64);

const BAD_ID: u64 = 77;

impl Hash for TallyId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let on_writer = thread::current().name().is_some_and(|name| name.contains("writer"));
        assert!(!(on_writer && self.0 == BAD_ID), "a bad id");
        self.0.hash(state);
    }
}

impl AggregateId for TallyId {
    fn stream(&self) -> StreamId<'_> {
        StreamId::U64(self.0)
    }

    fn from_stream(stream: StreamId<'_>) -> Option<Self> {
        u64::from_stream(stream).map(Self)
    }
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Tally {
    sum: u64,
}

#[derive(Serialize, Clone, Copy, Debug)]
enum Ask {
    Add(u64),
    AddWhatCannotBeEncoded,
    Refuse,
    PanicInDecide,
    PanicInEvolve,
}

#[derive(Deserialize, Clone, Debug, PartialEq)]
struct Amount(u64);

const BAD_AMOUNT: u64 = 14;

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != BAD_AMOUNT, "a bad amount");
        serializer.serialize_u64(self.0)
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Tallied {
    Added { amount: Amount },
    Spoiled,
}

impl Event for Tallied {}

impl Aggregate for Tally {
    const KIND: &'static str = "tally";
    type Id = TallyId;
    type Command = Ask;
    type Event = Tallied;
    type Refusal = u64;

    fn decide(&self, ask: Ask, cx: &mut Context<Tallied>) -> Result<(), u64> {
        match ask {
            Ask::Add(amount) => cx.record(Tallied::Added { amount: Amount(amount) }),
            Ask::AddWhatCannotBeEncoded => {
                cx.record(Tallied::Added { amount: Amount(BAD_AMOUNT) });
            }
            Ask::Refuse => return Err(self.sum),
            Ask::PanicInDecide => panic!("a bad decision"),
            Ask::PanicInEvolve => {
                cx.record(Tallied::Added { amount: Amount(1) });
                cx.record(Tallied::Spoiled);
            }
        }
        Ok(())
    }

    fn evolve(&mut self, event: &Tallied) {
        match event {
            Tallied::Added { amount } => self.sum += amount.0,
            Tallied::Spoiled => panic!("a bad evolution"),
        }
    }
}

/// Four good ids and a bad one; most commands commit.
fn any_request() -> impl Strategy<Value = (u64, Ask, bool)> {
    let id = prop_oneof![40 => 0_u64..4, 1 => Just(BAD_ID)];
    let ask = prop_oneof![
        12 => (100_u64..200).prop_map(Ask::Add),
        1 => Just(Ask::AddWhatCannotBeEncoded),
        2 => Just(Ask::Refuse),
        2 => Just(Ask::PanicInDecide),
        1 => Just(Ask::PanicInEvolve),
    ];
    (id, ask, any::<bool>())
}

#[test]
fn a_session_is_answered_in_order_whatever_panics() {
    let engine = Engine::in_memory().aggregate::<Tally>().open().unwrap();
    let mut session = engine.session::<Tally>(300);
    let (mut sums, mut committed) = ([0; 4], 0);
    let commands = prop::collection::vec(any_request(), 300);
    let (mut runner, mut keys) = (TestRunner::deterministic(), 0_u128);
    for _ in 0..12 {
        let mut sent = VecDeque::new();
        for (id, ask, has_key) in commands.new_tree(&mut runner).unwrap().current() {
            keys += 1;
            let key = has_key.then(|| CommandKey::from(keys));
            session.request(Request { key, ..Request::new(TallyId(id), ask) }).unwrap();
            sent.push_back((id, ask));
        }
        while let Some(answer) = session.reap_wait() {
            let (id, ask) = sent.pop_front().expect("an answer for each command, and no more");
            let panicked = |message: &str| Err(ExecuteError::Panicked(message.into()));
            match ask {
                _ if id == BAD_ID => assert_eq!(answer, panicked("a bad id")),
                Ask::Add(amount) => {
                    sums[id as usize] += amount;
                    assert_eq!(answer.unwrap().position, Position::at(committed));
                    committed += 1;
                }
                Ask::AddWhatCannotBeEncoded => assert_eq!(answer, panicked("a bad amount")),
                Ask::Refuse => assert_eq!(answer, Err(ExecuteError::Refused(sums[id as usize]))),
                Ask::PanicInDecide => assert_eq!(answer, panicked("a bad decision")),
                Ask::PanicInEvolve => assert_eq!(answer, panicked("a bad evolution")),
            }
        }
        assert!(sent.is_empty(), "{} commands without an answer", sent.len());
    }
    assert!(committed > 1_000, "most commands commit");
}
