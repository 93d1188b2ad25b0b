//! A command key takes effect once: while the first is in flight, later, and after a restart.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hotledger::{Aggregate, CommandKey, Context, Event, Transacting, Transaction, Version};
use hotledger::{Engine, ExecuteError, MemoryDisk, Position, Receipt, Request, SnapshotPolicy};
use serde::{Deserialize, Serialize, Serializer};
use support::{Account, Command, Transfer, usual};

fn keyed(id: u64, command: Command, key: u128) -> Request<Account> {
    Request { key: Some(key.into()), ..Request::new(id, command) }
}

/// Equal in all but that one of them is the repetition.
fn same(first: &Receipt, again: &Receipt) {
    assert!(!first.duplicate && again.duplicate);
    assert_eq!(*again, Receipt { duplicate: true, ..*first });
}

#[test]
fn while_the_first_is_in_flight() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let mut session = engine.session::<Account>(64);
    for n in 0..60u128 {
        session.request(keyed(1, Command::Deposit(5), n / 3)).unwrap();
    }
    let mut answers = Vec::new();
    while let Some(answer) = session.reap_wait() {
        answers.push(answer.unwrap());
    }
    for three in answers.chunks(3) {
        same(&three[0], &three[1]);
        same(&three[0], &three[2]);
    }
    assert_eq!(engine.position(), Position::at(19));
    assert_eq!(engine.stats().answers.duplicate, 40);
}

#[test]
fn across_snapshots_and_restarts_for_every_kind_of_command() {
    let disk = MemoryDisk::new();
    let open = |policy| {
        let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
        builder.snapshots(policy).open().unwrap()
    };
    let engine = open(SnapshotPolicy::Never);
    let account = engine.aggregate::<Account>(1u64);
    let plain = || Command::Deposit(10);
    let several = || Command::Fill { events: 3, bytes: 4 };
    let transfer = Transfer { from: 1, to: 2, amount: 4 };
    let first = [
        account.execute(plain()).key(1u128).wait().unwrap(),
        account.execute(several()).key(2u128).wait().unwrap(),
        account.execute(Command::Touch).key(3u128).wait().unwrap(),
        engine.transact(transfer).key(4u128).wait().unwrap().receipt,
    ];
    assert_eq!(first[2].events, 0);
    // A refusal is not remembered: the same key may succeed later.
    let refused = account.execute(Command::Withdraw(1_000)).key(5u128).wait();
    assert!(matches!(refused, Err(ExecuteError::Refused(_))));
    let head = engine.position();
    engine.close().unwrap();
    for policy in [SnapshotPolicy::Never, SnapshotPolicy::Events(1), SnapshotPolicy::Never] {
        let engine = open(policy);
        let account = engine.aggregate::<Account>(1u64);
        same(&first[0], &account.execute(plain()).key(1u128).wait().unwrap());
        same(&first[1], &account.execute(several()).key(2u128).wait().unwrap());
        same(&first[2], &account.execute(Command::Touch).key(3u128).wait().unwrap());
        same(&first[3], &engine.transact(transfer).key(4u128).wait().unwrap().receipt);
        assert_eq!(engine.position(), head);
        let reused = account.execute(Command::Deposit(11)).key(1u128).wait();
        assert_eq!(reused, Err(ExecuteError::KeyReused));
        let elsewhere = engine.aggregate::<Account>(9u64).execute(plain()).key(1u128).wait();
        assert_eq!(elsewhere, Err(ExecuteError::KeyReused), "the aggregate is part of the intent");
        engine.close().unwrap();
    }
    let engine = open(SnapshotPolicy::Never);
    let account = engine.aggregate::<Account>(1u64);
    account.execute(Command::Deposit(2_000)).wait().unwrap();
    let later = account.execute(Command::Withdraw(1_000)).key(5u128).wait().unwrap();
    assert!(!later.duplicate);
}

#[test]
fn the_window_forgets_the_oldest_and_says_so_by_taking_it_again() {
    let engine = usual(Engine::in_memory()).keys_max(10).open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    let send = |key: u128| account.execute(Command::Deposit(1)).key(key).wait().unwrap();
    (0..11).for_each(|key| assert!(!send(key).duplicate));
    assert!(send(1).duplicate && send(10).duplicate);
    assert!(!send(0).duplicate, "the eleventh key pushed it out");
}

#[test]
fn an_expected_version_is_checked_and_a_key_comes_first() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    let key = CommandKey::named("order 7");
    let first = account.execute(Command::Deposit(1)).expecting(Version(0)).key(key).wait();
    let conflict = account.execute(Command::Deposit(1)).expecting(Version(0)).wait();
    let (expected, actual) = (Version(0), Version(1));
    assert_eq!(conflict, Err(ExecuteError::Conflict { expected, actual }));
    let again = account.execute(Command::Deposit(1)).expecting(Version(0)).key(key).wait();
    same(&first.unwrap(), &again.expect("the expectation held when it was executed"));
    assert_eq!(engine.position(), Position::at(0));
}

/// How often an order may still be serialised.
static LEFT: AtomicU64 = AtomicU64::new(u64::MAX);

#[derive(Clone, Debug)]
struct Order(u64);

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let left = LEFT.fetch_sub(1, Ordering::Relaxed);
        assert!(left > 0, "an order that is not serialised again");
        serializer.serialize_u64(self.0)
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Ordered {
    Taken {},
}

impl Event for Ordered {}

#[derive(Serialize, Deserialize, Clone, Debug, Default)]
struct Orders;

impl Aggregate for Orders {
    const KIND: &'static str = "orders";
    type Id = u64;
    type Command = Order;
    type Event = Ordered;
    type Refusal = ();

    fn decide(&self, _: Order, cx: &mut Context<Ordered>) -> Result<(), ()> {
        cx.record(Ordered::Taken {});
        Ok(())
    }

    fn evolve(&mut self, _: &Ordered) {}
}

impl Transaction for Order {
    const NAME: &'static str = "order";
    type Refusal = ();

    fn decide(self, tx: &mut Transacting<'_, '_>) -> Result<(), ()> {
        tx.execute::<Orders>(1, self).map(|_| ())
    }
}

type Answer = Result<Receipt, ExecuteError<()>>;

/// Under a known key with another fingerprint a command is serialised once more, by the writer.
#[test]
fn a_panic_in_the_second_fingerprint_is_an_answer_and_the_writer_goes_on() {
    let engine = Engine::in_memory().aggregate::<Orders>().open().unwrap();
    let orders = engine.aggregate::<Orders>(1u64);
    let mut session = engine.session::<Orders>(8);
    let mut in_session = |order, key: u128| {
        let request = Request { key: Some(key.into()), ..Request::new(1, order) };
        session.request(request).unwrap();
        session.reap_wait().unwrap()
    };
    let execute = |order, key: u128| orders.execute(order).key(key).wait();
    let transact = |order, key: u128| {
        engine.transact(order).key(key).wait().map(|done: hotledger::TransactReceipt| done.receipt)
    };
    let ways: [&mut dyn FnMut(_, _) -> Answer; 3] =
        [&mut in_session, &mut { execute }, &mut { transact }];
    for (key, way) in (10..).zip(ways) {
        assert!(!way(Order(1), key).unwrap().duplicate);
        assert_eq!(way(Order(2), key), Err(ExecuteError::KeyReused));
        let before = engine.position();
        LEFT.store(1, Ordering::Relaxed);
        let answer = way(Order(2), key);
        let left = LEFT.swap(u64::MAX, Ordering::Relaxed);
        assert_eq!(left, u64::MAX, "it went on from 0: the second time was the one that panicked");
        let is_told = matches!(answer, Err(ExecuteError::Panicked(_) | ExecuteError::KeyReused));
        assert!(is_told, "{answer:?}");
        assert_eq!(engine.position(), before, "nothing was executed");
        assert!(way(Order(1), key).unwrap().duplicate);
        assert!(!way(Order(1), 2 * key).unwrap().duplicate);
    }
}
