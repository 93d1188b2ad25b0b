//! `hotledger journal verify`: every byte checked, one JSON line a finding, then a summary.

mod expect;
mod lines;
mod snapshots;

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use hotledger_journal::verify::{Seen, go_through};
use hotledger_journal::{Disk, DiskLock, Error, FileDisk, LockKind};

use self::expect::Expectations;
use self::lines::{Listing, SummaryLine};
use self::snapshots::Snapshots;
use crate::args::VerifyArgs;
use crate::checkpoint::Check;
use crate::exit::Failure;
use crate::finding::FindingLine;
use crate::out;

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let failed = || format!("cannot verify {}", args.dir.display());
    // 1. What the journal is to be held against, before anything is printed.
    let check = Check::load(args.checkpoint.as_deref(), args.public_key.as_deref())?;
    let (disk, lock) = lock(args)?;
    let mut listing = Listing::new(out::stdout());
    let mut snapshots = Snapshots::audit(&disk).with_context(failed)?;
    let mut expectations = Expectations::new(args.expect.iter().copied().chain(check.expected()));
    // 2. Every byte of the journal.
    let summary = go_through(&disk, &mut |seen| match seen {
        Seen::Damage(finding) => listing.add(FindingLine::from(finding)),
        Seen::Batch(batch) | Seen::Unnamed(batch) => {
            snapshots.see(batch);
            expectations.see(batch);
            ControlFlow::Continue(())
        }
    })
    .with_context(failed)?;
    // 3. What the whole of it says about the rest.
    snapshots.findings(summary.journal_id).for_each(|line| listing.note(line));
    check.findings(summary.journal_id).for_each(|line| listing.note(line));
    expectations.findings().for_each(|line| listing.note(line));
    let state = check.replay(&args.dir, listing.count()).with_context(failed)?;
    state.finding().into_iter().for_each(|line| listing.note(line));
    drop(lock);
    // 4. The summary.
    let findings = listing.count();
    let line = SummaryLine::new(&summary, findings, snapshots.count(), state.word());
    let mut out = listing.finish()?;
    out::json_line(&mut out, &line)?;
    out.flush()?;
    match findings {
        0 => Ok(()),
        findings => Err(Failure::Damaged { findings }.into()),
    }
}

/// Nothing may change between the looks at snapshots, journal and state.
fn lock(args: &VerifyArgs) -> anyhow::Result<(Arc<dyn Disk>, Box<dyn DiskLock>)> {
    let cannot = || format!("cannot read {}", args.dir.display());
    let disk = FileDisk::open_existing(&args.dir).with_context(cannot)?;
    let lock = disk.lock(LockKind::Shared).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => anyhow::Error::new(Error::Locked),
        _ => error.into(),
    });
    Ok((Arc::new(disk), lock.with_context(cannot)?))
}
