//! The options of `hotledger bench`, and its examples.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hotledger::{Durability, Fill};

use super::{IN_FLIGHT_MAX, up_to};

/// The options of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hotledger bench
  hotledger bench --mode closed --baseline
  hotledger bench --mode pipelined --seconds 10 --json - | jq '.[0].rate_per_s'
  hotledger bench --mode open --rate 10000,100000,1000000 --baseline --html report.html
  hotledger bench --mode open --arrivals bank-data --pace 1,2,10
  hotledger bench --workload exchange --mode pipelined
  hotledger bench --workload exchange --messages \\
    AAPL_2012-06-21_34200000_37800000_message_50.csv --baseline

`closed` waits for each answer before the next command; its latency is that of one command through
a session.
`pipelined` keeps --in-flight commands on their way for each client; its latency runs from
submission to answer. `open` sends at a fixed rate, answered or not; its latency runs from when a
command was due, so that waiting behind a slow one counts, and the service time from when it was
sent. A run whose generator was late by its own fault says that it is invalid. One second of warm-up
before each mode is not counted. Snapshots are off unless --snapshot-every turns them on.

`--arrivals` takes the times from a journal instead: each command is due when an entry of it was,
from the first one on and from the start again at its end, so many times as fast as --pace says. An
entry has the time at which the writer took up its turn, by its own clock: commands of one turn
share it, and `exchange replay` leaves the times of the replay, not those of the recorded messages.

`--workload exchange` sends order messages: submissions, partial cancels, deletions and executions,
from a LOBSTER file or made up in a like mix. At the end of the file what still rests is cancelled,
and the file begins again with fresh order ids. The report counts refused messages, which leave no
event, apart from the rate; at the end each book must hold as many events as the file makes, and no
order. Each client has books of its own; several books take every message in turn.

`--baseline` is the raw disk: blocks, or records as large as an event of the workload is on disk,
written by one thread with nothing in between. With `--durability volatile` it is the raw ring: a
command to another thread and its answer back. The bare loop's slice begins once the engine has
finished filling its next segment.

The report says where the time of commands went (waiting to be sent, in the mailbox, in the batch,
writing and syncing, answering; the means add up to the latency) and what made the 64 slowest slow:
segment roll, snapshot, sync stall, behind a slow write, scheduler or queue. Stages are those of a
share of all commands; the slowest are one for each batch.")]
pub(crate) struct BenchArgs {
    /// How clients wait for their answers
    #[arg(long, value_enum, default_value_t = ModeArg::Both)]
    pub(crate) mode: ModeArg,
    /// What the commands are about
    #[arg(long, value_enum, default_value_t = WorkloadArg::Bank)]
    pub(crate) workload: WorkloadArg,
    /// Take the order messages of `--workload exchange` from this LOBSTER message file
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
    /// Threads that send commands
    #[arg(long, default_value_t = 1, value_parser = up_to(256))]
    pub(crate) clients: u32,
    /// Commands on their way for each client in pipelined mode; in open mode a client waits once so
    /// many, or a tenth of a second's, are unanswered
    #[arg(long, default_value_t = 16_384, value_parser = up_to(IN_FLIGHT_MAX))]
    pub(crate) in_flight: u32,
    /// Commands a second in open mode, all clients together; several rates are run in turn
    #[arg(long, value_name = "RATE", value_delimiter = ',', value_parser = up_to(100_000_000),
          default_values_t = [10_000, 100_000, 1_000_000])]
    pub(crate) rate: Vec<u32>,
    /// Send in open mode when the entries of the journal in this directory were taken up
    #[arg(long, value_name = "JOURNAL", conflicts_with = "rate")]
    pub(crate) arrivals: Option<PathBuf>,
    /// So many times as fast as they were, 1 to 10; several paces are run in turn
    #[arg(long, value_name = "PACE", value_delimiter = ',', value_parser = up_to(10),
          default_values_t = [1], requires = "arrivals")]
    pub(crate) pace: Vec<u32>,
    /// Seconds measured in each mode (and as many for the bare loop)
    #[arg(long, default_value_t = 4, value_parser = up_to(86_400))]
    pub(crate) seconds: u32,
    /// What an answer promises
    #[arg(long, value_enum, default_value_t = DurabilityArg::Synced)]
    pub(crate) durability: DurabilityArg,
    /// Aggregates that the commands are spread over: 100,000 accounts if not given, or one book
    /// for each client
    #[arg(long, value_parser = up_to(100_000_000))]
    pub(crate) aggregates: Option<u32>,
    /// Record events with this many bytes of payload instead of bank deposits
    #[arg(long, value_name = "BYTES", value_parser = up_to(65_536))]
    pub(crate) payload: Option<u32>,
    /// Give every command a key of its own, never used before, so that it takes effect once
    #[arg(long)]
    pub(crate) keys: bool,
    /// Build a snapshot after every so many events (0: never)
    #[arg(long, default_value_t = 0, value_name = "EVENTS")]
    pub(crate) snapshot_every: u64,
    /// Keep the data in this directory (without it: a temporary one, removed afterwards)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Measure the bare loop in the same run, slice by slice, and print the ratios
    #[arg(long)]
    pub(crate) baseline: bool,
    /// Write the runs as JSON to this file, or to standard output instead of the table with `-`
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write each run's percentiles in HdrHistogram's text form, for its plotters; with several
    /// runs the mode is put before the file's extension
    #[arg(long, value_name = "FILE")]
    pub(crate) hgrm: Option<PathBuf>,
    /// Write a report with charts as one file that opens without a network
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Leave io_uring alone: one blocking write at a time
    #[arg(long)]
    pub(crate) blocking_writes: bool,
    /// Which segments are filled with zeros ahead of need
    #[arg(long, value_enum, default_value_t = FillArg::ForSmallBatches)]
    pub(crate) fill: FillArg,
}

/// Which segments are filled with zeros ahead of need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FillArg {
    /// All.
    Always,
    /// Those whose batches are expected to be small, by the segments before.
    ForSmallBatches,
    /// None.
    Never,
}

impl From<FillArg> for Fill {
    fn from(fill: FillArg) -> Self {
        match fill {
            FillArg::Always => Self::Always,
            FillArg::ForSmallBatches => Self::ForSmallBatches,
            FillArg::Never => Self::Never,
        }
    }
}

/// How clients wait for their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// One command at a time.
    Closed,
    /// Many commands on their way.
    Pipelined,
    /// At the rates that --rate names or as --arrivals says, whatever becomes of the answers.
    Open,
    /// Closed, then pipelined.
    Both,
}

/// What the commands are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkloadArg {
    /// Deposits into bank accounts.
    Bank,
    /// Messages to order books.
    Exchange,
}

/// What an answer promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityArg {
    /// Survives a power cut.
    Synced,
    /// Survives the process, not the power.
    Buffered,
    /// In memory only.
    Volatile,
}

impl From<DurabilityArg> for Durability {
    fn from(durability: DurabilityArg) -> Self {
        match durability {
            DurabilityArg::Synced => Self::Synced,
            DurabilityArg::Buffered => Self::Buffered,
            DurabilityArg::Volatile => Self::Volatile,
        }
    }
}
