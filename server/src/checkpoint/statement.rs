//! The statement: what is claimed, the bytes that are signed, and the line that is kept.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hotledger::{Chain, Position, StateDigest};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::{from_hex, hex};

/// Version of the statement's form.
const VERSION: u32 = 1;

/// What a checkpoint says of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(super) journal: Uuid,
    pub(super) position: Position,
    /// Of the batch that holds the last command up to the position.
    pub(super) chain: Chain,
    pub(super) digest: StateDigest,
    /// RFC 3339; said by the clock of whoever signed.
    pub(super) time: String,
}

/// A claim with a signature over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) claim: Claim,
    line: Line,
}

/// The statement as JSON. The order of the fields is the order in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    checkpoint: u32,
    journal: Uuid,
    position: Position,
    chain: String,
    digest: String,
    time: String,
    /// For people; a reader brings the key it trusts.
    public_key: String,
    signature: String,
}

impl Claim {
    /// The bytes that are signed: `docs/checkpoints.md` gives them to the letter.
    fn signed_bytes(&self) -> Vec<u8> {
        let Self { journal, position, chain, digest, time } = self;
        format!(
            "hotledger checkpoint {VERSION}\njournal {journal}\nposition {position}\n\
             chain {chain}\ndigest {digest}\ntime {time}\n"
        )
        .into_bytes()
    }
}

impl Statement {
    pub(super) fn sign(claim: Claim, key: &SigningKey) -> Self {
        let signature = key.sign(&claim.signed_bytes());
        let line = Line {
            checkpoint: VERSION,
            journal: claim.journal,
            position: claim.position,
            chain: claim.chain.to_string(),
            digest: claim.digest.to_string(),
            time: claim.time.clone(),
            public_key: hex(key.verifying_key().as_bytes()),
            signature: hex(&signature.to_bytes()),
        };
        Self { claim, line }
    }

    /// One line of JSON, without its end.
    pub(super) fn to_line(&self) -> String {
        serde_json::to_string(&self.line).expect("a statement is plain text and numbers")
    }

    /// Reads a statement, and believes it only if the owner of this key signed it. Whatever was
    /// changed, a space or the key it names included, is refused.
    pub(super) fn read(text: &str, key: &VerifyingKey) -> Result<Self, String> {
        let line: Line =
            serde_json::from_str(text).map_err(|error| format!("it is no statement: {error}"))?;
        if line.checkpoint != VERSION {
            return Err(format!("it is a statement of version {}", line.checkpoint));
        }
        let claim = Claim {
            journal: line.journal,
            position: line.position,
            chain: line.chain.parse().map_err(|error| format!("its chain: {error}"))?,
            digest: StateDigest(from_hex(&line.digest).ok_or("its digest is no digest")?),
            time: line.time.clone(),
        };
        let signature = from_hex(&line.signature).ok_or("its signature is no signature")?;
        let signature = Signature::from_bytes(&signature);
        key.verify_strict(&claim.signed_bytes(), &signature)
            .map_err(|_| "the owner of the public key did not sign this".to_owned())?;
        if line.public_key != hex(key.as_bytes()) {
            return Err("it names another public key".to_owned());
        }
        let statement = Self { claim, line };
        match text.strip_suffix('\n').unwrap_or(text) == statement.to_line() {
            true => Ok(statement),
            false => Err("it is not written as it was when it was signed".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of the first test vector of RFC 8032.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    fn statement() -> (Statement, VerifyingKey) {
        let key = SigningKey::from_bytes(&from_hex(SEED).expect("a seed"));
        let claim = Claim {
            journal: Uuid::from_u128(7),
            position: Position::at(41),
            chain: Chain([0x0c; 32]),
            digest: StateDigest([0x0d; 32]),
            time: "2026-11-21T10:30:00.000000000Z".to_owned(),
        };
        (Statement::sign(claim, &key), key.verifying_key())
    }

    #[test]
    fn the_signed_bytes_and_the_line_are_pinned() {
        let (statement, _) = statement();
        let signed = String::from_utf8(statement.claim.signed_bytes()).expect("text");
        assert_eq!(
            signed,
            format!(
                "hotledger checkpoint 1\njournal 00000000-0000-0000-0000-000000000007\n\
                 position 41\nchain {}\ndigest {}\ntime 2026-11-21T10:30:00.000000000Z\n",
                "0c".repeat(32),
                "0d".repeat(32)
            )
        );
        assert_eq!(statement.to_line(), include_str!("statement.json").trim_end());
    }

    #[test]
    fn what_was_signed_is_believed_and_any_other_character_is_not() {
        let (statement, key) = statement();
        let line = statement.to_line();
        assert_eq!(Statement::read(&line, &key), Ok(statement.clone()));
        assert_eq!(Statement::read(&format!("{line}\n"), &key), Ok(statement));
        for at in 0..line.len() {
            for other in ["0", "1", "a", " ", "\""] {
                let mut changed = line.clone();
                changed.replace_range(at..=at, other);
                if changed != line {
                    assert!(Statement::read(&changed, &key).is_err(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn another_key_is_not_believed() {
        let (statement, _) = statement();
        let other = SigningKey::from_bytes(&[1; 32]);
        assert!(Statement::read(&statement.to_line(), &other.verifying_key()).is_err());
        let forged = Statement::sign(statement.claim, &other).to_line();
        let (_, key) = self::statement();
        assert!(Statement::read(&forged, &key).is_err());
    }
}
