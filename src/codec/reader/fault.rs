//! Why a value was not read: one word wide, as every value that is read comes beside it.

use std::fmt::{self, Display};

use rmp_serde::decode::Error;
use serde::de;

/// What rmp-serde would say, kept apart: results this small come back in registers.
#[derive(Debug)]
pub(in crate::codec) struct Fault(Box<Error>);

impl From<Error> for Fault {
    #[cold]
    fn from(error: Error) -> Self {
        Self(Box::new(error))
    }
}

impl de::Error for Fault {
    #[cold]
    fn custom<T: Display>(what: T) -> Self {
        Error::custom(what).into()
    }
}

impl std::error::Error for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
