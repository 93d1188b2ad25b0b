//! Logs: one subscriber that writes to standard error.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::Command;

/// Starts logging. `RUST_LOG` decides what is said; without it, whoever changes data is told of
/// recovery and snapshots, and whoever only reads hears of warnings.
pub(crate) fn start(command: &Command) {
    let usual = match command {
        Command::Apply(_) | Command::Exchange(_) => LevelFilter::INFO,
        _ => LevelFilter::WARN,
    };
    let filter = std::env::var("RUST_LOG")
        .ok()
        .and_then(|directives| directives.parse::<Targets>().ok())
        .unwrap_or_else(|| Targets::new().with_default(usual));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines).with(filter).init();
}
