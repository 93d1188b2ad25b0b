//! `hotledger digest`: one figure for the whole state, with or without snapshots.

use anyhow::Context;
use hotledger::{Engine, From as Start, Position};
use serde::Serialize;

use crate::args::{DigestArgs, OutputArg};
use crate::{kinds, out};

/// Runs the command.
pub(crate) fn run(args: &DigestArgs) -> anyhow::Result<()> {
    let failed = || format!("cannot read {}", args.data.display());
    let start = if args.from_zero { Start::Zero } else { Start::Snapshot };
    let archive =
        kinds::register(Engine::builder(&args.data)).open_read_only().with_context(failed)?;
    let report = archive.digest(args.at.map(Position::at), start).with_context(failed)?;
    let line = DigestLine {
        position: report.position,
        digest: report.digest.to_string(),
        snapshot_position: report.snapshot,
        tail_events: report.tail_events,
    };
    match args.output {
        OutputArg::Json => Ok(out::print_json(&line)?),
        OutputArg::Table => Ok(out::print(&out::facts(line.facts()))?),
    }
}

#[derive(Serialize)]
struct DigestLine {
    position: Position,
    digest: String,
    snapshot_position: Option<Position>,
    tail_events: u64,
}

impl DigestLine {
    fn facts(&self) -> [(String, String); 4] {
        let snapshot = self.snapshot_position.map(|at| at.to_string());
        [
            ("position".to_owned(), self.position.to_string()),
            ("digest".to_owned(), self.digest.clone()),
            ("snapshot position".to_owned(), snapshot.unwrap_or_else(|| "none".to_owned())),
            ("tail events".to_owned(), out::grouped(self.tail_events)),
        ]
    }
}
