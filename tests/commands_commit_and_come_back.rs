//! What was answered as committed is there after the engine is opened again.

mod support;

use std::sync::Arc;

use hotledger::{Engine, ExecuteError, MemoryDisk, Position, SnapshotPolicy, Version};
use support::{Account, Balances, Command, Refusal, Total, Transfer, usual};

#[test]
fn a_receipt_says_where_the_command_stands() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let alice = engine.aggregate::<Account>(1u64);
    let receipt = alice.execute(Command::Deposit(100)).wait().unwrap();
    assert_eq!(
        (receipt.position, receipt.version, receipt.events),
        (Position::at(0), Version(1), 1)
    );
    let refused = alice.execute(Command::Withdraw(101)).wait();
    let refusal = Refusal::InsufficientFunds { balance: 100, requested: 101 };
    assert_eq!(refused, Err(ExecuteError::Refused(refusal)));
    let view = engine.view::<Total>();
    assert_eq!(view.read_after(receipt.position).unwrap().money, 100);
    let balances = engine.table::<Balances, _>();
    assert_eq!(balances.get_after(receipt.position, &1).unwrap(), Some(100));
    engine.close().unwrap();
}

#[test]
fn state_keys_and_views_come_back_with_and_without_snapshots() {
    for policy in [SnapshotPolicy::Never, SnapshotPolicy::Events(100)] {
        let disk = MemoryDisk::new();
        let open = || usual(Engine::builder_on(Arc::new(disk.clone()))).snapshots(policy).open();
        let engine = open().unwrap();
        for n in 0..523u64 {
            let account = engine.aggregate::<Account>(n % 7);
            account.execute(Command::Deposit(n)).key(u128::from(n)).wait().unwrap();
        }
        let first = engine.aggregate::<Account>(3u64).execute(Command::Touch).key(9_999u128);
        let first = first.wait().unwrap();
        let (position, digest) = engine.digest().unwrap();
        assert_eq!(position, Position::at(522));
        engine.close().unwrap();

        let engine = open().unwrap();
        assert_eq!(engine.digest().unwrap(), (position, digest));
        assert_eq!(engine.recovery().position, position);
        match policy {
            SnapshotPolicy::Never => assert_eq!(engine.recovery().tail_events, 523),
            _ => assert!(engine.recovery().tail_events < 100, "{:?}", engine.recovery()),
        }
        let again = engine.aggregate::<Account>(3u64).execute(Command::Touch).key(9_999u128);
        let again = again.wait().unwrap();
        assert!(again.duplicate);
        assert_eq!(
            (again.position, again.version, again.chain),
            (first.position, first.version, first.chain)
        );
        let other = engine.aggregate::<Account>(3u64).execute(Command::Deposit(1)).key(9_999u128);
        assert_eq!(other.wait(), Err(ExecuteError::KeyReused));
        let total = engine.view::<Total>();
        assert_eq!(total.read_after(position).unwrap().events, 523);
    }
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    engine.aggregate::<Account>(1u64).execute(Command::Deposit(10)).wait().unwrap();
    let (_, before) = engine.digest().unwrap();
    let refused = engine.transact(Transfer { from: 1, to: 2, amount: 11 }).wait();
    assert!(matches!(refused, Err(ExecuteError::Refused(_))), "{refused:?}");
    assert_eq!(engine.digest().unwrap().1, before, "the deposit was rolled back");
    let moved = engine.transact(Transfer { from: 1, to: 2, amount: 4 }).wait().unwrap();
    assert_eq!(moved.receipt.events, 2);
    assert_eq!(moved.receipt.position, Position::at(2));
    let balances = engine.table::<Balances, _>();
    assert_eq!(balances.get_after(moved.receipt.position, &1).unwrap(), Some(6));
    assert_eq!(balances.get(&2), Some(4));
}
