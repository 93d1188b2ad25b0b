//! Lines that are messages, and lines that are not.

use super::*;

#[test]
fn a_line_becomes_a_message() {
    let message = Message::parse(3, "34200.0042,1,12,18,100,-1").unwrap();
    let expected = Message {
        line: 3,
        time_ns: 34_200_004_200_000,
        kind: MessageKind::Submission,
        order: 12,
        size: 18,
        price: 100,
        side: Side::Sell,
    };
    assert_eq!(message, expected);
}

#[test]
fn times_are_rounded_to_the_nanosecond() {
    assert_eq!(nanoseconds("1"), Some(1_000_000_000));
    assert_eq!(nanoseconds("0.1"), Some(100_000_000));
    assert_eq!(nanoseconds("1.000000001"), Some(1_000_000_001));
    assert_eq!(nanoseconds("35821.088778456004"), Some(35_821_088_778_456));
    assert_eq!(nanoseconds("35821.088778455996"), Some(35_821_088_778_456));
    assert_eq!(nanoseconds("1.9999999999"), Some(2_000_000_000));
    for bad in ["", ".5", "-1", "1.-5", "1.+5", "1e3", "1.5.5", "18446744074"] {
        assert_eq!(nanoseconds(bad), None, "{bad}");
    }
}

#[test]
fn an_error_names_line_and_column() {
    for (text, error) in [
        ("", "line 7: time \"\": seconds with decimals"),
        ("1,8,1,1,1,1", "line 7: type \"8\": a number from 1 to 7"),
        (
            "1,1,9223372036854775808,1,1,1",
            "line 7: order id \"9223372036854775808\": an integer below 2^63",
        ),
        ("1,1,1,-1,1,1", "line 7: size \"-1\": an integer, not negative"),
        ("1,1,1,1,x,1", "line 7: price \"x\": an integer"),
        ("1,1,1,1,1", "line 7: direction \"\": 1 or -1"),
        ("1,1,1,1,1,0", "line 7: direction \"0\": 1 or -1"),
        ("1,1,1,1,1,1,", "line 7: end of line \"\": six columns"),
    ] {
        assert_eq!(Message::parse(7, text).unwrap_err().to_string(), error);
    }
}

#[test]
fn a_file_is_read_to_its_first_error() {
    let file = "1,1,1,1,1,1\r\n2,3,1,1,1,1\nnonsense\n3,3,1,1,1,1\n";
    let read: Vec<_> = messages(file.as_bytes()).collect();
    assert_eq!(read.len(), 3);
    assert_eq!(read[1].as_ref().unwrap().kind, MessageKind::Deletion);
    assert!(matches!(read[2], Err(LobsterError::Malformed { line: 3, .. })));
}

#[test]
fn a_line_has_a_greatest_length() {
    let file = "1".repeat(LINE_BYTES_MAX + 1);
    let error = messages(file.as_bytes()).next().unwrap().unwrap_err();
    assert!(matches!(error, LobsterError::LongLine { line: 1 }));
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    let error = messages(&[0xff, b'\n'][..]).next().unwrap().unwrap_err();
    assert!(matches!(error, LobsterError::Read { line: 1, .. }));
}
