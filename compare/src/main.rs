//! `hotledger-compare`: the same harm done to hotledger and to other embedded stores.
//!
//! `harm` damages and kills, and counts what each store makes of it. A store runs only in child
//! processes of this same binary, so that one that panics or hangs harms nobody else.

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
    /// The child that appends, for as long as it is let live.
    #[command(hide = true)]
    Append(child::AppendArgs),
    /// The child that opens a store and reads everything.
    #[command(hide = true)]
    Read(child::ReadArgs),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Harm(args) => harm::run(&args),
        Command::Append(args) => child::append(&args),
        Command::Read(args) => child::read(&args),
    }
}
