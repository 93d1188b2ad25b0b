//! The commands of `hotledger journal`, their options and examples.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::expectation::Expectation;

/// What can be done with a journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Print every event as one JSON line, with every field
    Inspect(InspectArgs),
    /// Check every byte; one JSON line a finding and a summary, exit 65 if there is a finding
    Verify(VerifyArgs),
    /// Save what is sound of a damaged journal into a new directory; exit 65 if anything is lost
    Salvage(SalvageArgs),
    /// Sign a statement of what the journal holds now
    Checkpoint(CheckpointArgs),
    /// Make a pair of keys for signing checkpoints
    Keygen(KeygenArgs),
}

/// The options of `journal inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
A command that left no event, only its key, is a line with \"event\": null and \"position\": null;
\"behind\" is the position it was decided at.

A damaged journal is printed as far as it is sound, in front of and behind the damage, each piece
of which is told on standard error; then the exit code is 65. Events whose names are lost have
stand-ins such as \"#3\" for kind and type.

Examples:
  hotledger journal inspect bank-data | jq 'select(.type == \"Deposited\")'
  hotledger journal inspect bank-data --from 1000 --to 1999")]
pub(crate) struct InspectArgs {
    /// The data directory
    pub(crate) dir: PathBuf,
    /// Leave out what lies before this position
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    pub(crate) from: u64,
    /// Leave out what lies behind this position
    #[arg(long, value_name = "POSITION", default_value_t = u64::MAX, hide_default_value = true)]
    pub(crate) to: u64,
}

/// The options of `journal verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Kinds of findings:
  missing_segment  a segment file is not there
  segment_header   block 0 of a segment is damaged, or contradicts the segment before
  file_size        a segment file is longer or shorter than its header says
  batch            where a batch should be there is none that is sound
  order            a sound batch that does not follow the one before
  entry            a sound batch whose entries cannot be decoded, or whose names are lost
  footer           a footer that does not count what its segment holds
  not_zero         bytes behind a footer
  unknown_format   sound bytes of a version or kind that this program does not know
  snapshot         a snapshot that is damaged, or does not belong to what the journal holds
  rolled_back      the journal ends before an expected position
  forked           the journal has another history at an expected position
  unproven         an expected position lies in a damaged part
  another_journal  the checkpoint is about another journal
  bad_signature    the checkpoint is not what the owner of the key signed
  state_digest     a replay does not come to the state that the checkpoint states

\"positions\" is the first position that may be lost and the one behind the last; the latter is null
where nothing behind the damage tells it. A torn tail, which a crash leaves, is no finding.

Examples:
  hotledger journal verify bank-data && echo sound
  hotledger journal verify bank-data --expect 41:$CHAIN    # both as in the receipt
  hotledger journal verify bank-data --checkpoint friday.json --public-key ledger.pub")]
pub(crate) struct VerifyArgs {
    /// The data directory
    pub(crate) dir: PathBuf,
    /// A receipt's position and chain, which the journal must have; may be given more than once
    #[arg(long, value_name = "POSITION:CHAIN")]
    pub(crate) expect: Vec<Expectation>,
    /// A checkpoint that the journal must agree with
    #[arg(long, value_name = "FILE", requires = "public_key")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The public key that the checkpoint must be signed under, as PEM
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    pub(crate) public_key: Option<PathBuf>,
}

/// The options of `journal salvage`.
#[derive(Debug, Args)]
#[command(after_help = "\
NEW_DIR becomes a journal of its own, under a new identity, with every entry before the first loss
at its old position. What is sound behind the first loss is written to
NEW_DIR/behind-the-damage.jsonl, in the form of `journal inspect`. NEW_DIR/salvage.json says where
all of it comes from; it is written last, so a directory without it is not complete. DIR is not
changed.

A loss is a line {\"from\",\"to\",\"file\",\"offset\",\"why\"}: `from` is the first position lost,
`to` the one behind the last, null where nothing behind the damage tells it. `from` equals `to`
where no event is lost, but a command without events, names, or the proof that one batch follows
the other. The last line is a summary. The exit code is 0 if there is no loss, else 65.

Example:
  hotledger journal salvage bank-data bank-salvaged && hotledger journal verify bank-salvaged")]
pub(crate) struct SalvageArgs {
    /// The damaged data directory
    pub(crate) dir: PathBuf,
    /// The directory to make; absent or empty
    pub(crate) new_dir: PathBuf,
}

/// The options of `journal checkpoint`.
#[derive(Debug, Args)]
#[command(after_help = "\
The statement is one line of JSON: journal, position, chain, state digest, time, and an Ed25519
signature over them. Keep it where whoever can write the data directory cannot: with it and the
public key, `journal verify` finds any later change of what the journal held, whatever checksums
and chains were computed again. The journal is verified first, and its state replayed from zero.

Examples:
  hotledger journal checkpoint bank-data --key ledger.key --out friday.json
  openssl genpkey -algorithm ed25519 -out ledger.key    # another way to make the key")]
pub(crate) struct CheckpointArgs {
    /// The data directory
    pub(crate) dir: PathBuf,
    /// The private key, as PEM (PKCS #8)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Write the statement to this file, which must not exist, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// The options of `journal keygen`.
#[derive(Debug, Args)]
#[command(after_help = "\
Neither file may exist. The private key can be read by its owner alone.

Example:
  hotledger journal keygen --key ledger.key --public-key ledger.pub")]
pub(crate) struct KeygenArgs {
    /// Where to write the private key, as PEM (PKCS #8)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Where to write the public key, as PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: PathBuf,
}
