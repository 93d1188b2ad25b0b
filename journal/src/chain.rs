//! The hash that ties every batch to all bytes before it.

use std::{fmt, str::FromStr};

/// BLAKE3 of a batch as stored. Since a batch holds the chain of the one before, equal chains
/// mean equal journals up to there; but for [`Chain::ZERO`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// Nothing was hashed: before the first segment, and where the disk keeps nothing.
    pub const ZERO: Chain = Chain([0; 32]);

    /// Chain of the given stored bytes.
    pub(crate) fn of(stored: &[u8]) -> Chain {
        assert!(!stored.is_empty(), "a chain link is over at least one block");
        Chain(*blake3::hash(stored).as_bytes())
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain is 64 hexadecimal digits")]
pub struct ParseChainError;

impl FromStr for Chain {
    type Err = ParseChainError;

    fn from_str(text: &str) -> Result<Chain, ParseChainError> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParseChainError);
        }
        let mut chain = [0; 32];
        for (byte, at) in chain.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| ParseChainError)?;
        }
        Ok(Chain(chain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let chain = Chain::of(b"stored");
        assert_eq!(chain.to_string().parse(), Ok(chain));
        assert_eq!("+f".repeat(32).parse::<Chain>(), Err(ParseChainError));
        assert_eq!("0f".parse::<Chain>(), Err(ParseChainError));
    }
}
