//! The bytes of every event on disk are what they were in the first release.
//!
//! A failure here is a journal that can no longer be read. Do not change the bytes to make it
//! pass: give the event a new schema version and an upcaster.

use hotledger::codec::{decode_event, encode_event, event_types};
use hotledger_domains::exchange::Side;
use hotledger_domains::{bank, exchange};

/// Checks each event against its name, its schema and its bytes, and that none is left out.
fn assert_pinned<E: hotledger::Event>(pinned: &[(E, &str, u16, &str)]) {
    for (event, name, schema, hex) in pinned {
        let encoded = encode_event(event).unwrap();
        let bytes: Vec<_> = encoded.payload.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((encoded.name, encoded.schema), (*name, *schema));
        let expected: String = hex.split_whitespace().collect();
        assert_eq!(bytes.join(""), expected, "{name}");
        assert_eq!(&decode_event::<E>(name, *schema, &encoded.payload).unwrap(), event);
    }
    let mut names: Vec<_> = pinned.iter().map(|&(_, name, schema, _)| (name, schema)).collect();
    names.dedup();
    assert_eq!(event_types::<E>().unwrap(), names, "every event is pinned, in this order");
}

#[test]
fn of_the_bank() {
    use bank::Event;

    assert_pinned(&[
        (Event::Opened, "Opened", 1, "c0"),
        (Event::Deposited { amount: 5 }, "Deposited", 1, "81  a6616d6f756e74 05"),
        (
            Event::Deposited { amount: u64::MAX },
            "Deposited",
            1,
            "81  a6616d6f756e74 cfffffffffffffffff",
        ),
        (Event::Withdrawn { amount: 300 }, "Withdrawn", 1, "81  a6616d6f756e74 cd012c"),
        (Event::Closed, "Closed", 1, "c0"),
    ]);
}

#[test]
fn of_the_exchange() {
    use exchange::Event;

    let (order, side, price, size) = (16_113_575, Side::Buy, 5_853_300, 18);
    let limit = Event::Accepted { order, side, price: Some(price), size, resting: 18 };
    let market = Event::Accepted { order, side: Side::Sell, price: None, size, resting: 0 };
    let (maker, taker, aggressor) = (order, 1 << 63, Side::Sell);
    let traded = Event::Traded { maker, taker, aggressor, price, size };
    let reduced = Event::Reduced { order, side, price, by: 8 };
    let cancelled = Event::Cancelled { order, side, price: -5, size };
    let replaced = Event::Replaced {
        order,
        side,
        price_before: price,
        size_before: size,
        price: 5_853_400,
        size: 20,
        resting: 15,
    };
    let expired = Event::Expired { order, side, size };
    assert_pinned(&[
        (
            limit,
            "Accepted",
            1,
            "85  a56f72646572 ce00f5dfa7  a473696465 a3427579  a57072696365 ce00595074
            a473697a65 12  a772657374696e67 12",
        ),
        (
            market,
            "Accepted",
            1,
            "85  a56f72646572 ce00f5dfa7  a473696465 a453656c6c  a57072696365 c0
            a473697a65 12  a772657374696e67 00",
        ),
        (
            traded,
            "Traded",
            1,
            "85  a56d616b6572 ce00f5dfa7  a574616b6572 cf8000000000000000
            a9616767726573736f72 a453656c6c  a57072696365 ce00595074  a473697a65 12",
        ),
        (
            reduced,
            "Reduced",
            1,
            "84  a56f72646572 ce00f5dfa7  a473696465 a3427579  a57072696365 ce00595074
            a26279 08",
        ),
        (
            cancelled,
            "Cancelled",
            1,
            "84  a56f72646572 ce00f5dfa7  a473696465 a3427579  a57072696365 fb
            a473697a65 12",
        ),
        (
            replaced,
            "Replaced",
            1,
            "87  a56f72646572 ce00f5dfa7  a473696465 a3427579
            ac70726963655f6265666f7265 ce00595074  ab73697a655f6265666f7265 12
            a57072696365 ce005950d8  a473697a65 14  a772657374696e67 0f",
        ),
        (expired, "Expired", 1, "83  a56f72646572 ce00f5dfa7  a473696465 a3427579  a473697a65 12"),
    ]);
}
