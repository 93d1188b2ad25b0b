//! Payloads: MessagePack as it is stored, shown as JSON.

use rmpv::ValueRef;
use rmpv::decode::read_value_ref_with_max_depth;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// How deep a payload may nest.
const DEPTH_MAX: usize = 32;

/// The payload of one event.
pub(super) enum Payload<'a> {
    /// It was understood.
    Value(ValueRef<'a>),
    /// It was not; these are its bytes.
    Opaque(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// Decodes a payload; it must be consumed to its last byte.
    pub(super) fn decode(bytes: &'a [u8]) -> Self {
        let mut rest = bytes;
        match read_value_ref_with_max_depth(&mut rest, DEPTH_MAX) {
            Ok(value) if rest.is_empty() => Self::Value(value),
            _ => Self::Opaque(bytes),
        }
    }
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => Json(value).serialize(serializer),
            Self::Opaque(bytes) => serializer.serialize_str(&hex(bytes)),
        }
    }
}

struct Json<'a>(&'a ValueRef<'a>);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueRef::Nil => serializer.serialize_unit(),
            ValueRef::Boolean(value) => serializer.serialize_bool(*value),
            ValueRef::Integer(value) => match (value.as_u64(), value.as_i64()) {
                (Some(value), _) => serializer.serialize_u64(value),
                (None, value) => serializer.serialize_i64(value.unwrap_or_default()),
            },
            ValueRef::F32(value) => serializer.serialize_f32(*value),
            ValueRef::F64(value) => serializer.serialize_f64(*value),
            ValueRef::String(text) => match text.as_str() {
                Some(text) => serializer.serialize_str(text),
                None => serializer.serialize_str(&hex(text.as_bytes())),
            },
            ValueRef::Binary(bytes) | ValueRef::Ext(_, bytes) => {
                serializer.serialize_str(&hex(bytes))
            }
            ValueRef::Array(values) => {
                let mut sequence = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    sequence.serialize_element(&Json(value))?;
                }
                sequence.end()
            }
            ValueRef::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(&name(key), &Json(value))?;
                }
                map.end()
            }
        }
    }
}

/// JSON has only texts for keys.
fn name(key: &ValueRef<'_>) -> String {
    match key {
        ValueRef::String(text) => text.as_str().map_or_else(|| hex(text.as_bytes()), str::to_owned),
        ValueRef::Binary(bytes) => hex(bytes),
        other => other.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Payload;

    fn shown(bytes: &[u8]) -> String {
        serde_json::to_string(&Payload::decode(bytes)).expect("a payload is JSON")
    }

    #[test]
    fn maps_numbers_and_bytes_are_shown() {
        assert_eq!(shown(&[0x82, 0xa1, b'a', 0x05, 0xa1, b'b', 0xff]), r#"{"a":5,"b":-1}"#);
        assert_eq!(shown(&[0x92, 0xc4, 2, 0x0f, 0xf0, 0xc0]), r#"["0ff0",null]"#);
    }

    #[test]
    fn what_is_no_message_pack_is_shown_as_bytes() {
        assert_eq!(shown(&[0x05, 0x06]), r#""0506""#, "one byte too many");
        assert_eq!(shown(&[0xdd, 0xff, 0xff, 0xff, 0xff]), r#""ddffffffff""#, "elements missing");
        let deep = [0x91; 1_000];
        assert!(shown(&deep).starts_with("\"9191"), "nested too deep");
    }
}
