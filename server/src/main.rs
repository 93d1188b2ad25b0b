//! The binary `hotledger`: the stable command line of the engine.

mod apply;
mod args;
mod bench;
mod checkpoint;
mod digest;
mod exit;
mod expectation;
mod finding;
mod inspect;
mod kinds;
mod latency;
mod logs;
mod moment;
mod out;
mod replay;
mod salvage;
mod shelf;
mod stamps;
mod state;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command, ExchangeCommand, JournalCommand};

fn main() -> ExitCode {
    let cli = Cli::parse();
    logs::start(&cli.command);
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Bench(args) => bench::run(args),
        Command::Apply(args) => apply::run(args),
        Command::State(args) => state::run(args),
        Command::Digest(args) => digest::run(args),
        Command::Journal(JournalCommand::Inspect(args)) => inspect::run(args),
        Command::Journal(JournalCommand::Verify(args)) => verify::run(args),
        Command::Journal(JournalCommand::Salvage(args)) => salvage::run(args),
        Command::Journal(JournalCommand::Checkpoint(args)) => checkpoint::run(args),
        Command::Journal(JournalCommand::Keygen(args)) => checkpoint::generate(args),
        Command::Exchange(ExchangeCommand::Replay(args)) => replay::run(args),
    }
}
