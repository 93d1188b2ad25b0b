//! What names an instrument, and so its book.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use hotledger::{AggregateId, StreamId};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// How many characters a symbol may have.
pub const SYMBOL_CHARS_MAX: usize = 16;

/// Names an instrument: 1 to [`SYMBOL_CHARS_MAX`] printable ASCII characters, such as `AAPL`.
///
/// ```
/// use hotledger_domains::exchange::Symbol;
///
/// let symbol: Symbol = "BTC-PERP".parse()?;
/// assert_eq!(symbol.as_str(), "BTC-PERP");
/// assert!("Weißbier".parse::<Symbol>().is_err());
/// # Ok::<(), hotledger_domains::exchange::SymbolError>(())
/// ```
///
/// On disk and in JSON it is its text. In memory it is 16 bytes without an allocation: the text
/// of an id that travels with every order would be allocated by one thread and freed by another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// The text, then zeros: the order of the bytes is that of the texts.
    bytes: [u8; SYMBOL_CHARS_MAX],
}

/// The text is empty, too long, or holds what is not printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no symbol: that is 1 to {SYMBOL_CHARS_MAX} printable ASCII characters")]
pub struct SymbolError {
    text: String,
}

impl Symbol {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let zeros = u128::from_le_bytes(self.bytes).leading_zeros() / u8::BITS;
        let text = &self.bytes[..SYMBOL_CHARS_MAX - zeros as usize];
        std::str::from_utf8(text).expect("a symbol was ASCII when it was made")
    }

    fn read(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if text.is_empty() || !printable {
            return None;
        }
        let mut bytes = [0; SYMBOL_CHARS_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes })
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        Self::read(text).ok_or_else(|| SymbolError { text: text.to_owned() })
    }
}

impl Hash for Symbol {
    /// As one number, where the bytes would be hashed as a text with its length.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_le_bytes(self.bytes));
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({self})")
    }
}

impl AggregateId for Symbol {
    fn stream(&self) -> StreamId<'_> {
        StreamId::Text(self.as_str())
    }

    fn from_stream(stream: StreamId<'_>) -> Option<Self> {
        match stream {
            StreamId::Text(text) => Self::read(text),
            _ => None,
        }
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SymbolVisitor)
    }
}

struct SymbolVisitor;

impl Visitor<'_> for SymbolVisitor {
    type Value = Symbol;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, the symbol of an instrument")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Symbol, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_its_text() {
        for text in ["X", "AAPL", "BRK B", "0123456789abcdef", "~"] {
            let (symbol, json) = (symbol(text), format!("{text:?}"));
            assert_eq!((symbol.as_str(), symbol.to_string()), (text, text.to_owned()));
            assert!(matches!(symbol.stream(), StreamId::Text(stored) if stored == text));
            assert_eq!(Symbol::from_stream(StreamId::Text(text)), Some(symbol));
            assert_eq!(serde_json::to_string(&symbol).unwrap(), json);
            assert_eq!(serde_json::from_str::<Symbol>(&json).unwrap(), symbol);
        }
        assert_eq!(Symbol::from_stream(StreamId::U64(7)), None);
    }

    #[test]
    fn it_is_ordered_as_its_text() {
        let mut texts = ["B", "AAPL", "A", "AA", "a", "A B", "A-1", "A-10", "A-2"];
        let mut symbols = texts.map(symbol);
        texts.sort_unstable();
        symbols.sort_unstable();
        assert_eq!(symbols.map(|symbol| symbol.to_string()), texts);
    }

    #[test]
    fn what_is_no_symbol_is_told_so() {
        for text in ["", "0123456789abcdefg", "A\0", "\t", "Ä", "\u{7f}"] {
            let error = text.parse::<Symbol>().unwrap_err().to_string();
            assert!(error.contains("1 to 16 printable ASCII characters"), "{error}");
            assert_eq!(Symbol::from_stream(StreamId::Text(text)), None);
        }
    }
}
