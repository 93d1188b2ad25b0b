//! What a receipt says of the journal, as it is given on the command line.

use std::str::FromStr;

use hotledger::{Chain, Position};

/// A position and the chain of the batch that holds it, as a receipt says them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) position: Position,
    pub(crate) chain: Chain,
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (position, chain) = text.split_once(':').ok_or("it is POSITION:CHAIN")?;
        let position = match position {
            // What a receipt without events says in a journal without events.
            "null" | "origin" => Position::ORIGIN,
            digits => match digits.parse::<u64>() {
                Ok(index) if index < u64::MAX => Position::at(index),
                _ => return Err(format!("`{digits}` is not a position")),
            },
        };
        let chain = chain.parse::<Chain>().map_err(|error| error.to_string())?;
        Ok(Self { position, chain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_a_position_and_a_chain() {
        let chain = "0f".repeat(32);
        let read = |position: &str| format!("{position}:{chain}").parse::<Expectation>();
        assert_eq!(read("7").map(|it| it.position), Ok(Position::at(7)));
        assert_eq!(read("null").map(|it| it.position), Ok(Position::ORIGIN));
        assert_eq!(read("7").map(|it| it.chain.to_string()), Ok(chain.clone()));
        for wrong in ["", "-1", "x", "18446744073709551615"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for wrong in ["7", "7:", "7:0f", ":"] {
            assert!(wrong.parse::<Expectation>().is_err(), "{wrong}");
        }
    }
}
