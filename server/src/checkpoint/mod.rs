//! `hotledger journal checkpoint`: a signed statement of what the journal holds.

mod check;
mod keys;
mod statement;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use hotledger::{Archive, Chain, Engine, From as Start, Position};
use hotledger_journal::verify::{Seen, go_through};
use hotledger_journal::{BatchKind, Disk, FileDisk};

use self::statement::{Claim, Statement};
use crate::args::CheckpointArgs;
use crate::exit::Failure;
use crate::{kinds, moment, out};

pub(crate) use self::check::Check;
pub(crate) use self::keys::generate;

/// Runs the command.
pub(crate) fn run(args: &CheckpointArgs) -> anyhow::Result<()> {
    let failed = || format!("cannot state what {} holds", args.dir.display());
    let key = keys::signing_key(&args.key)?;
    // The archive holds the lock: nothing is appended until the statement is made.
    let archive =
        kinds::register(Engine::builder(&args.dir)).open_read_only().with_context(failed)?;
    let claim = claim(&args.dir, &archive).with_context(failed)?;
    let line = Statement::sign(claim, &key).to_line();
    match &args.out {
        Some(path) => write_new(path, &line),
        None => Ok(out::print(&line)?),
    }
}

/// What the whole journal comes to, every byte verified and every event replayed.
fn claim(dir: &Path, archive: &Archive) -> anyhow::Result<Claim> {
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::open_existing(dir)?);
    let mut last: Option<(Position, Chain)> = None;
    let summary = go_through(&disk, &mut |seen| {
        if let Seen::Batch(batch) = seen
            && batch.kind() == BatchKind::Data
        {
            last = Some((Position::after(batch.end_position()), batch.chain()));
        }
        ControlFlow::Continue(())
    })?;
    if summary.findings > 0 {
        return Err(Failure::Damaged { findings: summary.findings }.into());
    }
    let Some((position, chain)) = last else {
        return Err(Failure::Usage("the journal holds no command yet".to_owned()).into());
    };
    let report = archive.digest(Some(position), Start::Zero)?;
    let now = jiff::Timestamp::now().as_nanosecond();
    Ok(Claim {
        journal: archive.journal_id(),
        position,
        chain,
        digest: report.digest,
        time: moment::rfc3339(i64::try_from(now).context("the clock is out of range")?),
    })
}

/// An older statement is evidence: it is never written over.
fn write_new(path: &Path, line: &str) -> anyhow::Result<()> {
    let named = || format!("cannot write {}", path.display());
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Failure::InTheWay(format!("{} exists", path.display())).into());
        }
        opened => opened.with_context(named)?,
    };
    let written = writeln!(file, "{line}").and_then(|()| file.sync_all());
    written.with_context(named)
}
