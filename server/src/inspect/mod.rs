//! `hotledger journal inspect`: every field of every event, one JSON line each.

mod line;
mod payload;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use hotledger_journal::verify::{END_UNKNOWN, Finding, Seen, go_through, journal_id};
use hotledger_journal::{Batch, Disk, FileDisk};
use uuid::Uuid;

use self::line::{DecisionLine, EventLine};
use crate::args::InspectArgs;
use crate::exit::Failure;
use crate::out;

/// Runs the command.
pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let failed = || format!("cannot read {}", args.dir.display());
    let disk = FileDisk::open_existing(&args.dir).with_context(failed)?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let mut printer = Printer {
        out: out::stdout(),
        journal: journal_id(&disk).with_context(failed)?.unwrap_or_default(),
        range: (args.from, args.to),
    };
    let mut printed = Ok(());
    let summary = go_through(&disk, &mut |seen| {
        printed = match seen {
            Seen::Batch(batch) | Seen::Unnamed(batch) => printer.batch(batch),
            Seen::Damage(finding) => printer.damage(&finding),
        };
        if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .with_context(failed)?;
    printed?;
    printer.out.flush()?;
    match summary.findings {
        0 => Ok(()),
        findings => Err(Failure::Damaged { findings }.into()),
    }
}

/// Prints batches of one journal.
pub(crate) struct Printer<W> {
    pub(crate) out: W,
    pub(crate) journal: Uuid,
    /// The first and the last position that is printed.
    pub(crate) range: (u64, u64),
}

impl<W: Write> Printer<W> {
    /// Prints what can be decoded of a batch; what cannot is damage, and reported as that.
    pub(crate) fn batch(&mut self, batch: &Batch) -> io::Result<()> {
        let (from, to) = self.range;
        if batch.first_position() > to || batch.end_position() < from {
            return Ok(());
        }
        for entry in batch.entries().map_while(Result::ok) {
            if entry.event_count() == 0 {
                let line = DecisionLine::new(batch, &entry);
                if line.is_within(self.range) {
                    out::json_line(&mut self.out, &line)?;
                }
            }
            for event in entry.events().map_while(Result::ok) {
                if (from..=to).contains(&event.position) {
                    let line = EventLine::new(self.journal, batch, &entry, &event);
                    out::json_line(&mut self.out, &line)?;
                }
            }
        }
        Ok(())
    }

    /// Says on standard error what is wrong, behind what was printed before it.
    fn damage(&mut self, finding: &Finding) -> io::Result<()> {
        self.out.flush()?;
        let Finding { file, offset, what, .. } = finding;
        let lost = match finding.positions {
            Some((from, END_UNKNOWN)) => format!(" (nothing sound from position {from} on)"),
            Some((from, to)) if from < to => format!(" (positions {from} to {})", to - 1),
            _ => String::new(),
        };
        // Standard error may be closed; the exit code still tells.
        let _ =
            writeln!(io::stderr(), "hotledger: {file} is damaged at byte {offset}{lost}: {what}");
        Ok(())
    }
}
