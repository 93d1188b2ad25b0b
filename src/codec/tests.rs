//! The codec against its promises, one file each.

mod hostile;
mod reader;
mod shapes;
mod upcasting;
mod validation;
mod whole_values;

use std::fmt::Write;

use super::*;

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::new();
    bytes.iter().for_each(|byte| write!(hex, "{byte:02x}").expect("a String takes it"));
    hex
}

#[track_caller]
fn assert_round_trip<E: Event>(event: &E) {
    let stored = encode_event(event).expect("encodes");
    let back = decode_event::<E>(stored.name, stored.schema, &stored.payload).expect("decodes");
    assert_eq!(back, *event);
}
