//! The shape of the command line: every command, option and example.

mod bench;
mod journal;

use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use hotledger::{Durability, SnapshotPolicy};

pub(crate) use self::bench::{BenchArgs, DurabilityArg, ModeArg, WorkloadArg};
pub(crate) use self::journal::{
    CheckpointArgs, InspectArgs, JournalCommand, KeygenArgs, SalvageArgs, VerifyArgs,
};

/// The most commands that one session has on their way.
const IN_FLIGHT_MAX: u32 = 1 << 20;

/// A whole number from 1 to this.
fn up_to(max: u32) -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(max))
}

/// An event-sourcing engine in the style of the LMAX exchange.
///
/// One writer owns all state in memory, journals every event before it answers, and recovers
/// to the same state after any kill. Data goes to standard output, logs to standard error
/// (`RUST_LOG=debug` shows more of them).
#[derive(Debug, Parser)]
#[command(name = "hotledger", version, max_term_width = 100)]
#[command(after_help = "\
Exit codes: 0 fine, 2 usage, 65 corrupt, lost, not as expected or of an unknown format, 73 cannot
create, 74 I/O error, 75 locked by another process, 77 permission, 78 configuration or key file,
130 stopped by a signal.

Example:
  echo '{\"kind\":\"account\",\"id\":1,\"command\":{\"Deposit\":{\"amount\":5}}}' \\
    | hotledger apply --data bank-data")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure the engine on this machine: rate and latency, with the durability beside them
    Bench(BenchArgs),
    /// Apply commands, one JSON object a line, and answer each as soon as it is durable
    Apply(ApplyArgs),
    /// Print the state of one aggregate, now or as it was
    State(StateArgs),
    /// Print the digest of the whole state
    Digest(DigestArgs),
    /// Look into a journal, prove it and salvage it, without opening an engine on it
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Work with the order book
    #[command(subcommand)]
    Exchange(ExchangeCommand),
}

/// What can be done with an order book.
#[derive(Debug, Subcommand)]
pub(crate) enum ExchangeCommand {
    /// Run a LOBSTER message file (real NASDAQ order flow) through the matching engine
    Replay(ReplayArgs),
}

/// The options of `apply`.
#[derive(Debug, Args)]
#[command(after_help = "\
A line is {\"kind\",\"id\",\"command\"} or {\"transact\"}, with an optional \"key\" (the same key
takes effect once, among the newest million) and, for a single aggregate, \"expect\" (the version
it must have). What is refused or cannot be read is answered in its place, and is no failure of
the program.

Examples:
  echo '{\"kind\":\"account\",\"id\":1,\"command\":{\"Deposit\":{\"amount\":5}},\"key\":\"a1\"}' \\
    | hotledger apply --data bank-data
  echo '{\"transact\":{\"Transfer\":{\"from\":1,\"to\":2,\"amount\":3}}}' \\
    | hotledger apply --data bank-data -")]
pub(crate) struct ApplyArgs {
    /// The data directory; created when it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Events from one snapshot to the next; 0 takes none
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) snapshot_every: u64,
    /// What an answer promises
    #[arg(long, value_enum, default_value_t = DiskDurabilityArg::Synced)]
    pub(crate) durability: DiskDurabilityArg,
    /// The commands, one JSON object a line; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
}

/// The options of `state`.
#[derive(Debug, Args)]
#[command(after_help = "\
An aggregate that has had no event (yet) has version 0, position null and state null.

Examples:
  hotledger state --data bank-data account 1
  hotledger state --data bank-data account 1 --at-time 2026-11-21T09:30:00Z")]
pub(crate) struct StateArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The kind of aggregate: account or book
    pub(crate) kind: String,
    /// Its id: for an account a UUID or a plain integer, for a book its symbol
    pub(crate) id: String,
    /// The moment to look at.
    #[command(flatten)]
    pub(crate) at: AtArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = OutputArg::Json)]
    pub(crate) output: OutputArg,
}

/// A moment: at most one of the three.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct AtArgs {
    /// As of this position in the journal, the event there included
    #[arg(long, value_name = "POSITION")]
    pub(crate) at: Option<u64>,
    /// As of this version of the aggregate
    #[arg(long, value_name = "V")]
    pub(crate) at_version: Option<u64>,
    /// As of this time: RFC 3339, or nanoseconds since 1970
    #[arg(long, value_name = "T", value_parser = crate::moment::parse)]
    pub(crate) at_time: Option<hotledger::Timestamp>,
}

/// The options of `digest`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hotledger digest --data bank-data
  hotledger digest --data bank-data --from-zero   # no snapshot: must print the same digest")]
pub(crate) struct DigestArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// As of this position in the journal, the event there included
    #[arg(long, value_name = "POSITION")]
    pub(crate) at: Option<u64>,
    /// Replay every event; use no snapshot
    #[arg(long)]
    pub(crate) from_zero: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = OutputArg::Json)]
    pub(crate) output: OutputArg,
}

/// The options of `exchange replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
The file name gives the symbol: AAPL_2012-06-21_34200000_37800000_message_50.csv is AAPL.

Example:
  hotledger exchange replay AAPL_2012-06-21_34200000_37800000_message_50.csv --data aapl-data")]
pub(crate) struct ReplayArgs {
    /// The LOBSTER message file
    pub(crate) file: PathBuf,
    /// The data directory; must not hold a book for that symbol yet
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = OutputArg::Table)]
    pub(crate) output: OutputArg,
    /// What an answer promises
    #[arg(long, value_enum, default_value_t = DiskDurabilityArg::Synced)]
    pub(crate) durability: DiskDurabilityArg,
    /// Events from one snapshot to the next; 0 takes none
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub(crate) snapshot_every: u64,
    /// Commands on their way
    #[arg(long, default_value_t = 1_024, value_parser = up_to(IN_FLIGHT_MAX))]
    pub(crate) in_flight: u32,
}

/// When snapshots are built.
pub(crate) fn snapshot_policy(every: u64) -> SnapshotPolicy {
    match every {
        0 => SnapshotPolicy::Never,
        events => SnapshotPolicy::Events(events),
    }
}

/// For whom the data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputArg {
    /// For a person.
    Table,
    /// For a script.
    Json,
}

/// What an answer promises where data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiskDurabilityArg {
    /// Survives a power cut.
    Synced,
    /// Survives the process, not the power.
    Buffered,
}

impl From<DiskDurabilityArg> for Durability {
    fn from(durability: DiskDurabilityArg) -> Self {
        match durability {
            DiskDurabilityArg::Synced => Self::Synced,
            DiskDurabilityArg::Buffered => Self::Buffered,
        }
    }
}
