//! Reads one value with rmp-serde, and nothing left over.

use rmp_serde::config::DefaultConfig;
use rmp_serde::decode::{Error, ReadRefReader};
use serde::Deserialize;
use serde::de::{self, IgnoredAny};

use crate::codec::structure::DEPTH_MAX;

/// rmp-serde's reader of a slice.
pub(super) type Library<'de> = rmp_serde::Deserializer<ReadRefReader<'de, [u8]>, DefaultConfig>;

/// Reads the one value that these bytes are, their structure being sound.
pub(super) fn read_one<'de, T>(
    payload: &'de [u8],
    read: impl FnOnce(&mut Library<'de>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(payload);
    // The structure check is the one that bounds depth; this is only its pair.
    reader.set_max_depth(DEPTH_MAX + 2);
    let value = read(&mut reader)?;
    // Everything has been read when there is no marker left to read.
    match IgnoredAny::deserialize(&mut reader) {
        Err(Error::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(de::Error::custom("its type leaves a part of the bytes unread")),
    }
}
