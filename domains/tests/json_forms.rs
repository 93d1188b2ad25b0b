//! Commands, ids, refusals and states have the JSON forms that scripts rely on.

use hotledger::{Aggregate, Context, Timestamp};
use hotledger_domains::bank::{self, Account, AccountId, Transfer, TransferRefusal};
use hotledger_domains::exchange::{self, Book, Side, TimeInForce};
use serde_json::{from_str, json, to_value};
use uuid::Uuid;

#[test]
fn bank_commands() {
    use bank::Command;

    for (text, command) in [
        (r#""Open""#, Command::Open),
        (r#"{"Open":{}}"#, Command::Open),
        (r#"{"Deposit":{"amount":5}}"#, Command::Deposit { amount: 5 }),
        (r#"{"Withdraw":{"amount":5}}"#, Command::Withdraw { amount: 5 }),
        (r#""Close""#, Command::Close),
        (r#"{"Close":{}}"#, Command::Close),
    ] {
        assert_eq!(from_str::<Command>(text).unwrap(), command);
        let value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::from_value::<Command>(value).unwrap(), command);
        let written = serde_json::to_string(&command).unwrap();
        assert_eq!(from_str::<Command>(&written).unwrap(), command);
    }
}

#[test]
fn bank_commands_that_are_none() {
    for (text, error) in [
        (r#""Deposit""#, "missing field `amount`"),
        (r#""Steal""#, "unknown variant `Steal`"),
        (r#"{"Deposit":{}}"#, "missing field `amount` at line 1 column"),
        (r#"{"Deposit":{"amount":-5}}"#, "invalid value: integer `-5`, expected u64"),
        (r#"{"Deposit":{"amount":5.5}}"#, "invalid type: floating point"),
        (r#"{"Deposit":{"amount":5,"currency":"EUR"}}"#, "unknown field `currency`"),
        (r#"{"Open":{"owner":"alice"}}"#, "unknown field `owner`"),
        (r#"{"Open":{},"Close":{}}"#, "one command at a time"),
        ("{}", "expected one command"),
        ("7", "expected an account command such as"),
    ] {
        let found = from_str::<bank::Command>(text).unwrap_err().to_string();
        assert!(found.contains(error), "{text}: {found}");
    }
}

#[test]
fn account_ids() {
    let seven = AccountId(Uuid::from_u128(7));
    let hyphenated = "00000000-0000-0000-0000-000000000007";
    for text in ["7", r#""7""#, &format!("{hyphenated:?}")] {
        assert_eq!(from_str::<AccountId>(text).unwrap(), seven, "{text}");
    }
    assert_eq!("7".parse(), Ok(seven));
    assert_eq!(hyphenated.parse(), Ok(seven));
    assert_eq!(seven.to_string(), hyphenated);
    assert_eq!(to_value(seven).unwrap(), json!(hyphenated));
    let ten = "00000000000000000000000000000010".parse();
    assert_eq!(ten, Ok(AccountId(Uuid::from_u128(0x10))), "32 digits are a UUID, not a number");
    for text in ["-1", "1.5", r#""seven""#, "null", "18446744073709551616"] {
        assert!(from_str::<AccountId>(text).is_err(), "{text}");
    }
    let packed = rmp_serde::to_vec(&seven).unwrap();
    assert_eq!(rmp_serde::from_slice::<AccountId>(&packed).unwrap(), seven);
}

#[test]
fn transfers() {
    let transfer: Transfer = from_str(r#"{"from":1,"to":2,"amount":30}"#).unwrap();
    assert_eq!(transfer, Transfer { from: 1.into(), to: 2.into(), amount: 30 });
    assert!(from_str::<Transfer>(r#"{"from":1,"to":2,"amount":30,"note":""}"#).is_err());
    let short = bank::Refusal::InsufficientFunds { balance: 0, requested: 30 };
    let refusal = to_value(TransferRefusal::Source(short)).unwrap();
    let expected = json!({"Source": {"InsufficientFunds": {"balance": 0, "requested": 30}}});
    assert_eq!(refusal, expected);
}

#[test]
fn exchange_commands() {
    use exchange::Command;

    let limit = |time_in_force| Command::Limit {
        order: 1,
        side: Side::Buy,
        price: 100,
        size: 18,
        time_in_force,
    };
    for (text, command) in [
        (
            r#"{"Limit":{"order":1,"side":"Buy","price":100,"size":18}}"#,
            limit(TimeInForce::GoodTillCancelled),
        ),
        (
            r#"{"Limit":{"order":1,"side":"Buy","price":100,"size":18,
                "time_in_force":"PostOnly"}}"#,
            limit(TimeInForce::PostOnly),
        ),
        (
            r#"{"Market":{"order":3,"side":"Sell","size":5}}"#,
            Command::Market { order: 3, side: Side::Sell, size: 5 },
        ),
        (r#"{"Cancel":{"order":1}}"#, Command::Cancel { order: 1 }),
        (r#"{"Reduce":{"order":2,"by":8}}"#, Command::Reduce { order: 2, by: 8 }),
        (
            r#"{"Replace":{"order":2,"price":-5,"size":10}}"#,
            Command::Replace { order: 2, price: -5, size: 10 },
        ),
    ] {
        assert_eq!(from_str::<Command>(text).unwrap(), command);
        let written = serde_json::to_string(&command).unwrap();
        assert_eq!(from_str::<Command>(&written).unwrap(), command);
    }
    assert!(from_str::<Command>(r#"{"Cancel":{"order":1,"side":"Buy"}}"#).is_err());
    assert!(from_str::<Command>(r#"{"Cancel":{"order":1.5}}"#).is_err());
}

#[test]
fn refusals() {
    let refusal = to_value(exchange::Refusal::UnknownOrder { order: 9 }).unwrap();
    assert_eq!(refusal, json!({"UnknownOrder": {"order": 9}}));
    assert_eq!(to_value(bank::Refusal::Closed).unwrap(), json!("Closed"));
}

#[test]
fn states() {
    let mut account = Account::default();
    account.evolve(&bank::Event::Deposited { amount: 5 });
    assert_eq!(to_value(&account).unwrap(), json!({"status": "Open", "balance": 5}));

    let mut book = Book::default();
    for (order, side, price) in [(1, Side::Buy, 99), (2, Side::Buy, 100), (3, Side::Sell, 101)] {
        let time_in_force = TimeInForce::default();
        let mut cx = Context::new(Timestamp(0));
        let limit = exchange::Command::Limit { order, side, price, size: 5, time_in_force };
        book.decide(limit, &mut cx).unwrap();
        cx.recorded().iter().for_each(|event| book.evolve(event));
    }
    let level = |price, order| json!({"price": price, "orders": [{"order": order, "size": 5}]});
    let expected = json!({"bids": [level(100, 2), level(99, 1)], "asks": [level(101, 3)]});
    assert_eq!(to_value(&book).unwrap(), expected);
}

#[test]
fn states_that_are_no_book() {
    let order = |order, size| json!({"order": order, "size": size});
    let level = |price, orders| json!({"price": price, "orders": orders});
    let one = |price| level(price, vec![order(1, 5)]);
    let two = |price| level(price, vec![order(2, 5)]);
    for (bids, asks, error) in [
        (vec![one(99), two(100)], vec![], "the level at 99 stands before a better one"),
        (vec![], vec![two(101), one(100)], "the level at 101 stands before a better one"),
        (vec![one(99), two(99)], vec![], "the level at 99 stands before a better one"),
        (vec![level(99, vec![])], vec![], "no order rests at 99"),
        (vec![level(99, vec![order(1, 0)])], vec![], "order 1 has no size"),
        (vec![one(99)], vec![one(101)], "order 1 occurs twice"),
        (vec![one(100)], vec![two(100)], "bids and asks cross"),
        (vec![level(9, vec![order(1, 5), order(2, u64::MAX)])], vec![], "add up to more"),
    ] {
        let form = json!({"bids": bids, "asks": asks});
        let found = serde_json::from_value::<Book>(form).unwrap_err().to_string();
        assert!(found.contains(error), "{found}");
    }
}
