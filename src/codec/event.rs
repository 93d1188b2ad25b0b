//! What the user's events promise the disk: stable names, versions, and the way from older ones.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::upcast::Upcasters;

/// The events of one kind of aggregate: an enum with a variant per type, or a single struct.
///
/// The type name on disk is the serde name of the variant (`#[serde(rename)]` keeps an old one
/// after a rename in Rust); the payload is a MessagePack map of its named fields, so fields may be
/// reordered and, with `#[serde(default)]`, added. The enum must be externally tagged, which is
/// serde's default; `#[serde(tag)]` and `#[serde(untagged)]` are refused when the engine opens.
pub trait Event:
    Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static
{
    /// The schema version of each type that is past version 1, by its name on disk.
    const VERSIONS: &'static [(&'static str, u16)] = &[];

    /// The steps from older schemas to the present one; checked for gaps when the engine opens.
    fn upcasters() -> Upcasters {
        Upcasters::new()
    }
}
