//! The serializer methods that no event gets to: everything but enums and structs.

pub(super) const NOT_AN_EVENT: &str =
    "an event is an enum or a struct, and its Serialize must say so";

/// Inside an `impl Serializer`: refuses whatever is neither an enum nor a struct at the outside.
macro_rules! no_events {
    () => {
        $crate::codec::refuse::no_events! {
            serialize_bool(bool) -> Ok;
            serialize_i8(i8) -> Ok;
            serialize_i16(i16) -> Ok;
            serialize_i32(i32) -> Ok;
            serialize_i64(i64) -> Ok;
            serialize_u8(u8) -> Ok;
            serialize_u16(u16) -> Ok;
            serialize_u32(u32) -> Ok;
            serialize_u64(u64) -> Ok;
            serialize_f32(f32) -> Ok;
            serialize_f64(f64) -> Ok;
            serialize_char(char) -> Ok;
            serialize_str(&str) -> Ok;
            serialize_bytes(&[u8]) -> Ok;
            serialize_none() -> Ok;
            serialize_unit() -> Ok;
            serialize_seq(Option<usize>) -> SerializeSeq;
            serialize_tuple(usize) -> SerializeTuple;
            serialize_map(Option<usize>) -> SerializeMap;
        }

        #[cold]
        fn serialize_some<T>(self, _: &T) -> Result<Self::Ok, Self::Error>
        where
            T: serde::Serialize + ?Sized,
        {
            Err(serde::ser::Error::custom($crate::codec::refuse::NOT_AN_EVENT))
        }

        fn is_human_readable(&self) -> bool {
            false
        }
    };
    ($($method:ident($($type:ty),*) -> $ok:ident;)*) => {
        $(#[cold]
        fn $method(self, $(_: $type),*) -> Result<Self::$ok, Self::Error> {
            Err(serde::ser::Error::custom($crate::codec::refuse::NOT_AN_EVENT))
        })*
    };
}

pub(super) use no_events;
