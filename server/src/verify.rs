//! `hotledger journal verify`: every byte checked, one JSON line a finding, then a summary.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use hotledger_journal::verify::{Finding, Summary, verify};
use hotledger_journal::{Disk, FileDisk};
use serde::Serialize;

use crate::args::DirArgs;
use crate::exit::Failure;
use crate::out;

/// Runs the command.
pub(crate) fn run(args: &DirArgs) -> anyhow::Result<()> {
    let disk = FileDisk::open_existing(&args.dir)
        .with_context(|| format!("cannot read {}", args.dir.display()))?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let mut out = out::stdout();
    let mut written = Ok(());
    let summary = verify(&disk, &mut |finding| {
        // A closed pipe is reported once the verifier is through; it cannot be stopped half way.
        if written.is_ok() {
            written = out::json_line(&mut out, &FindingLine::from(finding));
        }
    });
    written?;
    let summary = summary.with_context(|| format!("cannot verify {}", args.dir.display()))?;
    out::json_line(&mut out, &SummaryLine::from(&summary))?;
    out.flush()?;
    match summary.findings {
        0 => Ok(()),
        findings => Err(Failure::Damaged { findings }.into()),
    }
}

#[derive(Serialize)]
struct FindingLine {
    file: String,
    offset: u64,
    positions: Option<(u64, u64)>,
    kind: &'static str,
    what: String,
}

impl From<Finding> for FindingLine {
    fn from(finding: Finding) -> Self {
        let Finding { file, offset, positions, kind, what, .. } = finding;
        Self { file, offset, positions, kind, what }
    }
}

#[derive(Serialize)]
struct SummaryLine {
    segments: u64,
    entries: u64,
    events: u64,
    last_position: Option<u64>,
    chain: String,
    findings: u64,
    torn_bytes: u64,
}

impl From<&Summary> for SummaryLine {
    fn from(summary: &Summary) -> Self {
        Self {
            segments: summary.segments,
            entries: summary.entries,
            events: summary.events,
            last_position: summary.last_position,
            chain: summary.chain.to_string(),
            findings: summary.findings,
            torn_bytes: summary.torn_bytes,
        }
    }
}
