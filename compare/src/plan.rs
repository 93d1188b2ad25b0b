//! What a run is asked for: which harm, how often, and to which stores.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args as Arguments, ValueEnum};
use serde::Serialize;
use tempfile::TempDir;

/// What is done to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Harm {
    /// One bit of any sector that was ever written is flipped.
    Flip,
    /// One block of 4 KiB that was ever written is zeroed.
    Zero,
    /// The file that was written last is cut anywhere.
    Cut,
    /// One bit of what the last append wrote is flipped, the store having been killed as soon as
    /// it acknowledged that append.
    Newest,
    /// The process is killed at any time, in recovery too; the files stay as they are.
    Kill,
}

#[derive(Arguments)]
pub(crate) struct Args {
    /// Flips for each store; half as many blocks are zeroed and files cut, and a quarter as many
    /// newest records flipped and processes killed.
    #[arg(long, default_value_t = 400)]
    pub(crate) trials: u64,
    /// What all places and times are drawn from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One store instead of all.
    #[arg(long)]
    pub(crate) only: Option<String>,
    /// Some harms instead of all.
    #[arg(long, value_enum, value_delimiter = ',')]
    harms: Vec<Harm>,
    /// Acknowledged records in a store before it is harmed.
    #[arg(long, default_value_t = 500)]
    pub(crate) records: u64,
    /// Milliseconds that a store is left alone between its last append and its death.
    #[arg(long, default_value_t = 300)]
    pub(crate) rest_ms: u64,
    /// Seconds after which a store that was to be opened and read counts as hung.
    #[arg(long, default_value_t = 20)]
    patience_s: u64,
    /// Where stores are laid out; the folder for temporary files unless said otherwise.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Writes every trial to this file, as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl Harm {
    /// What is done, for whoever reads the table alone.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Flip => "one random bit flipped",
            Self::Zero => "one random block of 4 KiB zeroed",
            Self::Cut => "newest file cut at a random byte",
            Self::Newest => "one bit of the last append flipped, killed as it was acknowledged",
            Self::Kill => "killed at random, nothing damaged",
        }
    }
}

impl Args {
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience_s)
    }

    /// A directory of its own for every use.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn scratch(&self) -> Result<TempDir> {
        let mut new = tempfile::Builder::new();
        let new = new.prefix("hotledger-compare-");
        Ok(match &self.scratch {
            Some(scratch) => new.tempdir_in(scratch)?,
            None => new.tempdir()?,
        })
    }

    pub(crate) fn harms(&self) -> &[Harm] {
        if self.harms.is_empty() { Harm::value_variants() } else { &self.harms }
    }

    pub(crate) fn trials(&self, harm: Harm) -> u64 {
        let share = match harm {
            Harm::Flip => 1,
            Harm::Zero | Harm::Cut => 2,
            Harm::Newest | Harm::Kill => 4,
        };
        self.trials.div_ceil(share)
    }
}
