//! Every rule of an account holds: what it accepts, what it refuses, and why.

use hotledger::Scenario;
use hotledger_domains::bank::{Account, Command, Event, Refusal};
use proptest::prelude::*;

fn account(history: impl IntoIterator<Item = Event>) -> Scenario<Account> {
    Scenario::<Account>::given(history)
}

fn deposited(amount: u64) -> Event {
    Event::Deposited { amount }
}

#[test]
fn an_account_opens_once() {
    account([]).when(Command::Open).then([Event::Opened]);
    account([Event::Opened]).when(Command::Open).then_refused(Refusal::AlreadyOpen);
}

#[test]
fn the_first_deposit_opens_too() {
    account([]).when(Command::Deposit { amount: 5 }).then([deposited(5)]);
    account([deposited(5)]).when(Command::Open).then_refused(Refusal::AlreadyOpen);
}

#[test]
fn what_is_there_can_be_withdrawn() {
    let all = Event::Withdrawn { amount: 5 };
    account([deposited(5)]).when(Command::Withdraw { amount: 5 }).then([all]);
}

#[test]
fn more_than_is_there_cannot() {
    let refused = Refusal::InsufficientFunds { balance: 5, requested: 6 };
    account([deposited(5)]).when(Command::Withdraw { amount: 6 }).then_refused(refused);
    let refused = Refusal::InsufficientFunds { balance: 0, requested: 1 };
    account([]).when(Command::Withdraw { amount: 1 }).then_refused(refused);
}

#[test]
fn an_amount_is_not_zero() {
    account([]).when(Command::Deposit { amount: 0 }).then_refused(Refusal::ZeroAmount);
    account([]).when(Command::Withdraw { amount: 0 }).then_refused(Refusal::ZeroAmount);
}

#[test]
fn a_balance_does_not_overflow() {
    let refused = Refusal::Overflow { balance: 5, amount: u64::MAX - 4 };
    let too_much = Command::Deposit { amount: u64::MAX - 4 };
    account([deposited(5)]).when(too_much).then_refused(refused);
    let as_much_as_fits = Command::Deposit { amount: u64::MAX - 5 };
    account([deposited(5)]).when(as_much_as_fits).then([deposited(u64::MAX - 5)]);
}

#[test]
fn only_an_empty_account_closes() {
    account([Event::Opened]).when(Command::Close).then([Event::Closed]);
    account([]).when(Command::Close).then_refused(Refusal::NotOpen);
    let refused = Refusal::BalanceNotZero { balance: 5 };
    account([deposited(5)]).when(Command::Close).then_refused(refused);
}

#[test]
fn a_closed_account_refuses_everything() {
    let (deposit, withdraw) = (Command::Deposit { amount: 0 }, Command::Withdraw { amount: 1 });
    for command in [Command::Open, deposit, withdraw, Command::Close] {
        account([Event::Opened, Event::Closed]).when(command).then_refused(Refusal::Closed);
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let amount = prop_oneof![8 => 0..100_u64, 1 => Just(u64::MAX)];
    prop_oneof![
        1 => Just(Command::Open),
        8 => amount.clone().prop_map(|amount| Command::Deposit { amount }),
        8 => amount.prop_map(|amount| Command::Withdraw { amount }),
        1 => Just(Command::Close),
    ]
}

proptest! {
    #[test]
    fn the_balance_is_what_came_in_less_what_went_out(
        commands in prop::collection::vec(any_command(), 0..60),
    ) {
        use hotledger::{Aggregate, Context, Timestamp};

        let (mut account, mut balance) = (Account::default(), 0_u128);
        for command in commands {
            let mut cx = Context::new(Timestamp(0));
            let decided = account.decide(command.clone(), &mut cx);
            match (&decided, command) {
                (Ok(()), Command::Deposit { amount }) => balance += u128::from(amount),
                (Ok(()), Command::Withdraw { amount }) => balance -= u128::from(amount),
                _ => {}
            }
            if decided.is_ok() {
                cx.recorded().iter().for_each(|event| account.evolve(event));
            }
            prop_assert_eq!(u128::from(account.balance()), balance);
        }
    }
}
