//! Given events, when a command, then events or a refusal: tests of an aggregate without an engine.

use std::fmt::{self, Debug, Write};

use crate::aggregate::{Aggregate, Context};
use crate::codec::{EventCodec, decode_state, encode_state};
use crate::identity::CommandKey;
use crate::position::Timestamp;

/// An aggregate with a history, ready to be given a command.
///
/// ```
/// # use hotledger::{Aggregate, Context, Event, Scenario};
/// # use serde::{Deserialize, Serialize};
/// #
/// # #[derive(Default, Clone, Serialize, Deserialize)]
/// # struct Account { balance: u64 }
/// # #[derive(Clone, Serialize)]
/// # enum Command { Withdraw { amount: u64 } }
/// # #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// # enum Happened { Deposited { amount: u64 }, Withdrawn { amount: u64 } }
/// # #[derive(Debug, Clone, PartialEq, Serialize)]
/// # enum Refused { InsufficientFunds { balance: u64 } }
/// #
/// # impl Event for Happened {}
/// # impl Aggregate for Account {
/// #     const KIND: &'static str = "account";
/// #     type Id = u64;
/// #     type Command = Command;
/// #     type Event = Happened;
/// #     type Refusal = Refused;
/// #     fn decide(&self, command: Command, cx: &mut Context<Happened>) -> Result<(), Refused> {
/// #         let Command::Withdraw { amount } = command;
/// #         if amount > self.balance {
/// #             return Err(Refused::InsufficientFunds { balance: self.balance });
/// #         }
/// #         cx.record(Happened::Withdrawn { amount });
/// #         Ok(())
/// #     }
/// #     fn evolve(&mut self, event: &Happened) {
/// #         match event {
/// #             Happened::Deposited { amount } => self.balance += amount,
/// #             Happened::Withdrawn { amount } => self.balance -= amount,
/// #         }
/// #     }
/// # }
/// #
/// Scenario::<Account>::given([Happened::Deposited { amount: 10 }])
///     .when(Command::Withdraw { amount: 30 })
///     .then_refused(Refused::InsufficientFunds { balance: 10 });
/// ```
///
/// Three properties the engine lives from are checked along the way, so that no test has to ask
/// for them; each panics with what to mend:
///
/// - every event, given or recorded, is the same after a trip through the codec;
/// - the same history, folded twice or restored from a snapshot, has the same bytes and takes the
///   command the same way;
/// - deciding, and a refusal above all, leaves the state as it was.
#[must_use = "a scenario checks nothing until its `then`"]
pub struct Scenario<A: Aggregate> {
    history: Vec<A::Event>,
    now: Timestamp,
    key: Option<CommandKey>,
}

impl<A: Aggregate> Scenario<A> {
    /// What has happened so far; an empty list is an aggregate that does not exist yet.
    ///
    /// # Panics
    /// When an event does not survive the codec.
    #[track_caller]
    pub fn given(history: impl IntoIterator<Item = A::Event>) -> Self {
        let history: Vec<_> = history.into_iter().collect();
        check_codec::<A>(&history);
        Self { history, now: Timestamp(0), key: None }
    }

    /// Sets the time the command is taken up at; it is 0 otherwise.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Gives the command a key.
    pub fn key(mut self, key: impl Into<CommandKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Has the command decided.
    ///
    /// # Panics
    /// When one of the three properties does not hold.
    #[track_caller]
    pub fn when(self, command: A::Command) -> Decided<A>
    where
        A::Command: Clone,
    {
        let mut twins = self.twins();
        let before = same_bytes(&twins, "folding the same events");
        let outcome = self.decide(&twins, &command);
        let after = same_bytes(&twins, "deciding the same command");
        assert!(before == after, "decide changed the state: it may only record events");
        if let Ok(events) = &outcome {
            check_codec::<A>(events);
            twins.iter_mut().for_each(|twin| events.iter().for_each(|event| twin.evolve(event)));
            same_bytes(&twins, "evolving the same events");
        }
        Decided { outcome }
    }

    /// The state three times: folded, folded again, and restored as from a snapshot.
    ///
    /// Folded anew rather than cloned, because clones of a hash map share its random order.
    #[track_caller]
    fn twins(&self) -> [A; 3] {
        let fold = || {
            let mut state = A::default();
            self.history.iter().for_each(|event| state.evolve(event));
            state
        };
        let folded = fold();
        let restored = decode_state(&bytes_of(&folded)).unwrap_or_else(|error| {
            panic!("the state does not survive a snapshot: {error}; mend its Serialize/Deserialize")
        });
        [folded, fold(), restored]
    }

    #[track_caller]
    fn decide(&self, twins: &[A; 3], command: &A::Command) -> Outcome<A>
    where
        A::Command: Clone,
    {
        let [first, again, restored] = twins.each_ref().map(|state| {
            let mut cx = Context::new(self.now);
            cx.begin(self.now, self.key);
            state.decide(command.clone(), &mut cx).map(|()| cx.recorded().to_vec())
        });
        assert!(
            first == again,
            "decide is not deterministic: take time and ids from the context, and use no map in \
             random order\n  first  {first:?}\n  again  {again:?}"
        );
        assert!(
            first == restored,
            "a state restored from a snapshot decides otherwise: does it leave a field out \
             (#[serde(skip)])?\n  folded    {first:?}\n  restored  {restored:?}"
        );
        first
    }
}

impl<A: Aggregate> Debug for Scenario<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut given = f.debug_struct("Scenario");
        given.field("history", &self.history).field("now", &self.now).field("key", &self.key);
        given.finish()
    }
}

type Outcome<A> = Result<Vec<<A as Aggregate>::Event>, <A as Aggregate>::Refusal>;

/// A decided command; each of its methods asserts at once.
#[must_use = "say what is expected: then, then_refused or then_nothing"]
pub struct Decided<A: Aggregate> {
    outcome: Outcome<A>,
}

impl<A: Aggregate> Decided<A> {
    /// Asserts that exactly these events were recorded, in this order.
    ///
    /// # Panics
    /// When they were not; the message puts both lists side by side.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<_> = expected.into_iter().collect();
        match self.outcome {
            Ok(recorded) if recorded == expected => {}
            Ok(recorded) => panic!("other events than expected:\n{}", diff(&expected, &recorded)),
            Err(refusal) => panic!("refused with {refusal:?}, expected {}", list(&expected)),
        }
    }

    /// Asserts that the command was accepted and changed nothing.
    ///
    /// # Panics
    /// When it was refused, or recorded an event.
    #[track_caller]
    pub fn then_nothing(self) {
        self.then([]);
    }

    /// Asserts that the command was refused for this reason.
    ///
    /// # Panics
    /// When it was accepted, or refused for another reason.
    #[track_caller]
    pub fn then_refused(self, expected: A::Refusal) {
        match self.outcome {
            Err(refusal) if refusal == expected => {}
            Err(refusal) => {
                panic!("another refusal than expected:\n- {expected:?}\n+ {refusal:?}");
            }
            Ok(recorded) => {
                panic!("accepted with {}, expected the refusal {expected:?}", list(&recorded));
            }
        }
    }
}

impl<A: Aggregate> Debug for Decided<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided").field("outcome", &self.outcome).finish()
    }
}

/// Every event comes back from the codec as it went in.
#[track_caller]
fn check_codec<A: Aggregate>(events: &[A::Event]) {
    let codec = EventCodec::<A::Event>::new().unwrap_or_else(|error| panic!("{error}"));
    for event in events {
        let back = round_trip(&codec, event);
        let back = back.unwrap_or_else(|what| panic!("{event:?} cannot be journaled: {what}"));
        assert!(
            back == *event,
            "an event is not the same after encoding and decoding: mend its serde attributes\n\
             - {event:?}\n+ {back:?}"
        );
    }
}

fn round_trip<E: crate::codec::Event>(codec: &EventCodec<E>, event: &E) -> Result<E, String> {
    let index = codec.type_index(event).map_err(|error| error.to_string())?;
    let of_type = codec.types()[index as usize];
    let mut payload = Vec::new();
    codec.encode(event, &mut payload).map_err(|error| error.to_string())?;
    let route = codec.resolve(of_type.name, of_type.version);
    let back = route.and_then(|route| codec.decode_by(&route, &payload));
    back.map_err(|error| error.to_string())
}

/// The bytes of the three states, which have to be the same.
#[track_caller]
fn same_bytes<A: Aggregate>(twins: &[A; 3], after: &str) -> Vec<u8> {
    let [first, again, restored] = twins.each_ref().map(bytes_of);
    assert!(
        first == again,
        "{after} twice gave two different states (from byte {} on): evolve must depend on nothing \
         but state and event, and the state must not hold a map in random order",
        first_difference(&first, &again)
    );
    assert!(
        first == restored,
        "{after} gave another state after a snapshot (from byte {} on): what the state serialises \
         must be all there is to it, and read back as it was",
        first_difference(&first, &restored)
    );
    first
}

#[track_caller]
fn bytes_of<A: Aggregate>(state: &A) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_state(state, &mut bytes)
        .unwrap_or_else(|error| panic!("the state cannot go into a snapshot: {error}"));
    bytes
}

fn first_difference(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(left, right)| left == right).count()
}

fn list<E: Debug>(events: &[E]) -> String {
    match events {
        [] => "no event".to_owned(),
        events => format!("{events:?}"),
    }
}

/// One line an event: `-` is expected and missing, `+` is recorded and not expected.
fn diff<E: Debug + PartialEq>(expected: &[E], recorded: &[E]) -> String {
    let mut lines = String::new();
    for at in 0..expected.len().max(recorded.len()) {
        match (expected.get(at), recorded.get(at)) {
            (Some(expected), Some(recorded)) if expected == recorded => {
                line(&mut lines, ' ', expected);
            }
            (expected, recorded) => {
                expected.into_iter().for_each(|event| line(&mut lines, '-', event));
                recorded.into_iter().for_each(|event| line(&mut lines, '+', event));
            }
        }
    }
    lines
}

fn line(lines: &mut String, sign: char, event: &impl Debug) {
    writeln!(lines, "{sign} {event:?}").expect("a String takes every line");
}

#[cfg(test)]
mod tests;
