//! `hotledger-compare`: the same harm, and the same load, for hotledger and for other stores.
//!
//! `harm` damages and kills, and counts what each store makes of it; `speed` times what each takes
//! for a durable answer. A store runs only in child processes of this same binary, so that one that
//! panics, hangs or hogs the machine harms nobody else.

mod child;
mod damage;
mod dice;
mod harm;
mod image;
mod kill;
mod plan;
mod process;
mod record;
mod report;
mod speed;
mod stores;
mod verdict;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Flips, cuts, zeroes and kills, and counts what is lost without a word.
    Harm(plan::Args),
    /// Times durable answers, one at a time, many in flight and in batches, and reading back.
    Speed(speed::Args),
    /// The child that appends, for as long as it is let live.
    #[command(hide = true)]
    Append(child::AppendArgs),
    /// The child that opens a store and reads everything.
    #[command(hide = true)]
    Read(child::ReadArgs),
    /// The child that is timed as it writes.
    #[command(hide = true)]
    SpeedWrite(speed::TurnArgs),
    /// The child that is timed as it reads.
    #[command(hide = true)]
    SpeedRead(speed::TurnArgs),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Harm(args) => harm::run(&args),
        Command::Append(args) => child::append(&args),
        Command::Read(args) => child::read(&args),
        Command::Speed(args) => speed::run(&args),
        Command::SpeedWrite(args) => speed::write(&args),
        Command::SpeedRead(args) => speed::read(&args),
    }
}
