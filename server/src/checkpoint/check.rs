//! A checkpoint held against a journal.

use std::fs;
use std::path::Path;

use anyhow::Context;
use hotledger::{Engine, From as Start, OpenError, ReadError};
use uuid::Uuid;

use super::keys;
use super::statement::{Claim, Statement};
use crate::expectation::Expectation;
use crate::finding::FindingLine;
use crate::kinds;

/// A checkpoint, once its signature was looked at; nothing, where none was given.
pub(crate) enum Check {
    /// There is none.
    None,
    /// The owner of the key signed it.
    Claim { file: String, claim: Claim },
    /// The owner of the key did not.
    Forged { file: String, why: String },
}

/// What a replay says to the digest of a checkpoint.
pub(crate) enum Replayed {
    /// There is nothing to compare it with.
    NotAsked,
    /// It comes to the state that was signed.
    Matches,
    /// It does not.
    Differs(FindingLine),
    /// Something else was found already.
    Skipped,
    /// The journal holds kinds or events that this program does not know.
    UnknownKinds,
}

impl Check {
    /// Reads a statement and the key it must be signed under.
    pub(crate) fn load(statement: Option<&Path>, key: Option<&Path>) -> anyhow::Result<Self> {
        let (Some(path), Some(key)) = (statement, key) else { return Ok(Self::None) };
        let key = keys::public_key(key)?;
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = path.display().to_string();
        let text = String::from_utf8(bytes).map_err(|_| "it is not text".to_owned());
        Ok(match text.and_then(|text| Statement::read(&text, &key)) {
            Ok(Statement { claim, .. }) => Self::Claim { file, claim },
            Err(why) => Self::Forged { file, why },
        })
    }

    /// What the journal must have.
    pub(crate) fn expected(&self) -> Option<Expectation> {
        match self {
            Self::Claim { claim, .. } => {
                Some(Expectation { position: claim.position, chain: claim.chain })
            }
            Self::None | Self::Forged { .. } => None,
        }
    }

    /// What speaks against it before anything is replayed.
    pub(crate) fn findings(&self, journal: Option<Uuid>) -> impl Iterator<Item = FindingLine> {
        let (file, kind, what) = match self {
            Self::Forged { file, why } => {
                (file, "bad_signature", format!("the checkpoint cannot be believed: {why}"))
            }
            Self::Claim { file, claim } if journal != Some(claim.journal) => {
                let here = journal.map_or_else(|| "none".to_owned(), |journal| journal.to_string());
                let what = format!("it is about journal {}, here is {here}", claim.journal);
                (file, "another_journal", what)
            }
            Self::None | Self::Claim { .. } => return None.into_iter(),
        };
        let line = FindingLine { file: file.clone(), offset: 0, positions: None, kind, what };
        Some(line).into_iter()
    }

    /// Replays the journal to the position of the checkpoint, unless something is wrong already.
    pub(crate) fn replay(&self, dir: &Path, findings: u64) -> anyhow::Result<Replayed> {
        let (file, claim) = match self {
            Self::None => return Ok(Replayed::NotAsked),
            Self::Forged { .. } => return Ok(Replayed::Skipped),
            Self::Claim { .. } if findings > 0 => return Ok(Replayed::Skipped),
            Self::Claim { file, claim } => (file, claim),
        };
        let archive = kinds::register(Engine::builder(dir)).open_read_only()?;
        let digest = match archive.digest(Some(claim.position), Start::Zero) {
            Ok(report) => report.digest,
            Err(ReadError::Replay(error)) if is_of_unknown_kind(&error) => {
                return Ok(Replayed::UnknownKinds);
            }
            Err(error) => return Err(error.into()),
        };
        if digest == claim.digest {
            return Ok(Replayed::Matches);
        }
        let what = format!(
            "a replay to position {} comes to the state {digest}, not {}",
            claim.position, claim.digest
        );
        let (file, kind) = (file.clone(), "state_digest");
        Ok(Replayed::Differs(FindingLine { file, offset: 0, positions: None, kind, what }))
    }
}

fn is_of_unknown_kind(error: &OpenError) -> bool {
    matches!(error, OpenError::UnknownKind { .. } | OpenError::Event { .. })
}

impl Replayed {
    /// What is to be reported of it.
    pub(crate) fn finding(&self) -> Option<FindingLine> {
        match self {
            Self::Differs(line) => Some(line.clone()),
            _ => None,
        }
    }

    /// What the summary says of it.
    pub(crate) fn word(&self) -> Option<&'static str> {
        match self {
            Self::NotAsked => None,
            Self::Matches => Some("matches"),
            Self::Differs(_) => Some("differs"),
            Self::Skipped => Some("not_checked"),
            Self::UnknownKinds => Some("unknown_kinds"),
        }
    }
}
