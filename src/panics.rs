//! Reads what a caught panic said.

use std::any::Any;

/// The message of a panic, or a sentence in its place.
pub(crate) fn message_of(panic: &(dyn Any + Send)) -> Box<str> {
    panic
        .downcast_ref::<&str>()
        .map(|message| Box::from(*message))
        .or_else(|| panic.downcast_ref::<String>().map(|message| message.as_str().into()))
        .unwrap_or_else(|| "a panic without a message".into())
}
