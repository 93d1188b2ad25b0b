//! Random plans: what is asked of an engine, by which way, and when it is opened again.

use hotledger::SnapshotPolicy;
use hotledger_domains::bank;
use hotledger_domains::exchange::{self, Side, TimeInForce};
use proptest::prelude::*;
use proptest::sample::Index;

use super::naive::Intent;

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The window of command keys.
    pub(crate) keys_max: usize,
    /// Batches the disk holds at once; it completes the newest first.
    pub(crate) writes_in_flight: usize,
    /// Commands a session may have under way.
    pub(crate) in_flight_max: usize,
    pub(crate) snapshots: SnapshotPolicy,
    pub(crate) waves: Vec<Wave>,
    /// Where, besides the end, the digest from a snapshot is compared with that from zero.
    pub(crate) cut: Index,
}

/// Commands that are all sent before the last answer is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Wave {
    pub(crate) path: Path,
    pub(crate) steps: Vec<Step>,
    pub(crate) then: Then,
}

/// Which way a wave takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Path {
    /// Each as a one-shot command.
    OneShots,
    /// Through the sessions; transfers, which have none, between them.
    Sessions,
    /// Accounts through their session while books get one-shots at the same time. No keys here
    /// and no transfers: who comes first between the two is not known.
    AccountsBesideBooks,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ask {
        intent: Intent,
        key: Option<u128>,
        /// How far the expected version is off the right one.
        expected_off: Option<u64>,
    },
    /// One of those that had a key before, asked again.
    Again(Index),
}

/// What happens after a wave.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    GoOn,
    /// The engine is closed and opened again.
    Close(SnapshotPolicy),
    /// The engine is opened again from the files as they are while it runs.
    Kill(SnapshotPolicy),
}

pub(crate) fn any_plan() -> impl Strategy<Value = Plan> {
    let keys_max = prop_oneof![1 => 0..4_usize, 2 => Just(1_000)];
    let waves = prop::collection::vec(any_wave(), 1..7);
    let parts = (keys_max, 1..4_usize, 1..10_usize, any_policy(), waves, any::<Index>());
    parts.prop_map(|(keys_max, writes_in_flight, in_flight_max, snapshots, waves, cut)| Plan {
        keys_max,
        writes_in_flight,
        in_flight_max,
        snapshots,
        waves,
        cut,
    })
}

fn any_policy() -> impl Strategy<Value = SnapshotPolicy> {
    prop_oneof![
        5 => (1..16_u64).prop_map(SnapshotPolicy::Events),
        1 => Just(SnapshotPolicy::Never),
    ]
}

fn any_wave() -> impl Strategy<Value = Wave> {
    let path = prop_oneof![Just(Path::OneShots), Just(Path::Sessions)];
    let both = prop_oneof![any_bank(), any_book(), any_transfer()];
    let beside = prop_oneof![any_bank(), any_book()];
    let steps = prop_oneof![
        (path.clone(), steps(any_bank())),
        (path.clone(), steps(any_book())),
        (path, steps(both)),
        (Just(Path::AccountsBesideBooks), steps(beside)),
    ];
    let then = prop_oneof![
        5 => Just(Then::GoOn),
        2 => any_policy().prop_map(Then::Close),
        1 => any_policy().prop_map(Then::Kill),
    ];
    (steps, then).prop_map(|((path, steps), then)| Wave { path, steps, then })
}

fn steps(intent: impl Strategy<Value = Intent>) -> impl Strategy<Value = Vec<Step>> {
    let key = prop_oneof![3 => Just(None), 2 => (0..8_u128).prop_map(Some)];
    let expected_off = prop_oneof![6 => Just(None), 2 => Just(Some(0)), 1 => Just(Some(1))];
    let ask = (intent, key, expected_off).prop_map(|(intent, key, expected_off)| Step::Ask {
        intent,
        key,
        expected_off,
    });
    prop::collection::vec(prop_oneof![8 => ask, 1 => any::<Index>().prop_map(Step::Again)], 1..14)
}

fn any_amount() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 0..60_u64, 1 => Just(u64::MAX)]
}

fn any_bank() -> impl Strategy<Value = Intent> {
    let command = prop_oneof![
        1 => Just(bank::Command::Open),
        6 => any_amount().prop_map(|amount| bank::Command::Deposit { amount }),
        4 => any_amount().prop_map(|amount| bank::Command::Withdraw { amount }),
        1 => Just(bank::Command::Close),
    ];
    (0..4_u64, command).prop_map(|(id, command)| Intent::Bank(id, command))
}

fn any_transfer() -> impl Strategy<Value = Intent> {
    let ends = (0..4_u64, 0..4_u64, any_amount());
    ends.prop_map(|(from, to, amount)| Intent::Transfer { from, to, amount })
}

fn any_book() -> impl Strategy<Value = Intent> {
    let book = prop_oneof![Just("A"), Just("B")];
    (book, any_order()).prop_map(|(book, command)| Intent::Book(book, command))
}

/// Few ids, prices and sizes, so that orders meet; now and then the greatest ones.
fn any_order() -> impl Strategy<Value = exchange::Command> {
    use exchange::Command;

    let order = 0..10_u64;
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let price = prop_oneof![30 => -2..3_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let size = prop_oneof![30 => 0..10_u64, 1 => Just(u64::MAX)];
    let limit = (order.clone(), side.clone(), price.clone(), size.clone(), any_time_in_force());
    prop_oneof![
        6 => limit.prop_map(|(order, side, price, size, time_in_force)| {
            Command::Limit { order, side, price, size, time_in_force }
        }),
        1 => (order.clone(), side, size.clone())
            .prop_map(|(order, side, size)| Command::Market { order, side, size }),
        1 => order.clone().prop_map(|order| Command::Cancel { order }),
        1 => (order.clone(), size.clone()).prop_map(|(order, by)| Command::Reduce { order, by }),
        2 => (order, price, size)
            .prop_map(|(order, price, size)| Command::Replace { order, price, size }),
    ]
}

fn any_time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        5 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        1 => Just(TimeInForce::PostOnly),
    ]
}
