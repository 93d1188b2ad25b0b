//! What can be wrong with an event type, with encoding and with decoding.

use std::io;
use std::sync::Arc;

use rmp_serde::encode;

/// Why the events of a kind cannot be stored as they are declared. Found when the engine opens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The type is neither an externally tagged enum nor a struct.
    /// **Do:** remove `#[serde(tag)]`, `#[serde(content)]`, `#[serde(untagged)]` from the enum; put
    /// a struct with `#[serde(flatten)]` into a variant of an enum.
    #[error(
        "`{event}` is neither an externally tagged enum nor a plain struct: remove \
         #[serde(tag, content, untagged)] from it, and put a struct with #[serde(flatten)] into a \
         variant of an enum"
    )]
    UnsupportedForm {
        /// The Rust type.
        event: &'static str,
    },
    /// A variant takes up names that are not its own: `#[serde(alias)]` or `#[serde(other)]`.
    /// **Do:** remove it and write `.rename("OldName", 1, "NewName")` in `Event::upcasters`.
    #[error(
        "a variant of `{event}` takes up more than its own name: remove #[serde(alias)] and \
         #[serde(other)] from the variants and write .rename(\"OldName\", 1, \"NewName\") in \
         Event::upcasters instead"
    )]
    ManyNames {
        /// The Rust type.
        event: &'static str,
    },
    /// Two variants have one name on disk.
    /// **Do:** give one of them another `#[serde(rename)]`.
    #[error("two variants are called `{name}` on disk: give one of them another #[serde(rename)]")]
    NameTwice {
        /// The name.
        name: &'static str,
    },
    /// `VERSIONS` names a type that the event does not have.
    /// **Do:** correct the name in `Event::VERSIONS`; it is the serde name of a variant.
    #[error(
        "Event::VERSIONS names `{name}`, which is no type of this event: write one of {known:?}"
    )]
    VersionOfNothing {
        /// The name in `VERSIONS`.
        name: &'static str,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// `VERSIONS` names a type twice, or gives it version 0.
    /// **Do:** leave one line for it in `Event::VERSIONS`; the first version is 1.
    #[error(
        "Event::VERSIONS must name `{name}` once, with a version of at least 1: correct its lines"
    )]
    VersionUnclear {
        /// The name in `VERSIONS`.
        name: &'static str,
    },
    /// An old version has no step to the next one.
    /// **Do:** add the step to `Event::upcasters`, as the message spells it.
    #[error(
        "events `{name}` of version {version} cannot be brought to the present: add \
         .step::<Old, New>(\"{name}\", {version}, |old| ..) to Event::upcasters, or .rename(..) \
         if the type goes by another name now"
    )]
    StepMissing {
        /// The type that has no step.
        name: String,
        /// The version that has no step.
        version: u16,
    },
    /// Two steps start at one version.
    /// **Do:** remove one of them from `Event::upcasters`.
    #[error("two steps start at `{name}` version {version}: remove one from Event::upcasters")]
    StepTwice {
        /// The type.
        name: String,
        /// The version both start at.
        version: u16,
    },
    /// A step starts at the present version of a type, or meets one past it.
    /// **Do:** raise the version in `Event::VERSIONS`, or correct the step.
    #[error(
        "a step meets `{name}` at version {version}, but `{name}` is declared to end before \
         {needed}: write (\"{name}\", {needed}) in Event::VERSIONS, or correct the step"
    )]
    StepPastCurrent {
        /// The type.
        name: String,
        /// Where the step starts or lands.
        version: u16,
        /// The version the type needs for this step.
        needed: u16,
    },
    /// A step starts at version 0.
    /// **Do:** write 1 for the first version.
    #[error("a step starts at `{name}` version 0: the first version is 1, write that")]
    StepFromZero {
        /// The type.
        name: String,
    },
    /// Renames lead in a circle.
    /// **Do:** remove one of them from `Event::upcasters`, so that they end at a present type.
    #[error(
        "the renames from `{name}` version {version} lead back to it: remove one from \
         Event::upcasters, so that they end at a type of this event"
    )]
    RenameCircle {
        /// The type it starts from.
        name: String,
        /// The version it starts from.
        version: u16,
    },
}

/// Why a value could not be turned into bytes.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event type itself cannot be stored.
    /// **Do:** mend it as the inner message says.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The event is written under a name that it is not read by.
    /// **Do:** give the variant one name in both directions, without `skip_deserializing`.
    #[error(
        "the event is written as `{name}`, but no variant is read by that name: use the same \
         #[serde(rename)] for both directions and no #[serde(skip_deserializing)]"
    )]
    UnknownType {
        /// The name it is written under.
        name: &'static str,
    },
    /// The value refused: its `Serialize` failed, or it nests deeper than 32 arrays and maps.
    /// **Do:** mend the `Serialize` or flatten the value, as the message says.
    #[error("the value cannot be serialised: {what}")]
    Content {
        /// What was said.
        what: String,
    },
    /// The bytes could not be written where they belong.
    /// **Do:** see the inner error; a write buffer is full when the event is too large for it.
    #[error("the encoded value could not be written: {0}")]
    Write(#[source] Arc<io::Error>),
}

impl From<encode::Error> for EncodeError {
    #[cold]
    fn from(error: encode::Error) -> Self {
        match error {
            encode::Error::InvalidValueWrite(error) => Self::Write(Arc::new(error.into())),
            other => Self::Content { what: other.to_string() },
        }
    }
}

/// Why stored bytes could not be turned back into a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The event type itself cannot be stored.
    /// **Do:** mend it as the inner message says.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Nobody knows a type of this name and schema.
    /// **Do:** bring the variant back, or take the old name to a present one with
    /// `.rename("OldName", 1, "NewName")` in `Event::upcasters`.
    #[error(
        "no event type `{name}` of schema {schema}: bring the variant back, or add \
         .rename(\"{name}\", {schema}, \"NewName\") to Event::upcasters"
    )]
    UnknownType {
        /// The name on disk.
        name: String,
        /// The schema on disk.
        schema: u16,
    },
    /// The event was written by a newer program.
    /// **Do:** run the program that wrote it, or a newer one.
    #[error("`{name}` has schema {schema}, which is newer than {known}, the newest known here")]
    NewerSchema {
        /// The name on disk.
        name: String,
        /// The schema on disk.
        schema: u16,
        /// The newest schema this program knows.
        known: u16,
    },
    /// The stored id is not of the aggregate's id type.
    /// **Do:** give `Aggregate::Id` back the type that the journal was written with.
    #[error("the stored id is of another type than the aggregate's")]
    WrongIdType,
    /// The bytes are not exactly one MessagePack value within the limits.
    /// **Do:** treat as corruption if the journal holds them: restore from a backup.
    #[error("the payload {what} (at byte {at})")]
    Structure {
        /// The byte it was noticed at.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The bytes are sound, but they are not this type.
    /// **Do:** make the type read what was written before (`#[serde(default)]` for a new field), or
    /// raise its version and add the step from the old one to `Event::upcasters`.
    #[error("not a readable {of}: {what}")]
    Content {
        /// What they were taken for.
        of: String,
        /// What did not fit.
        what: String,
    },
}
