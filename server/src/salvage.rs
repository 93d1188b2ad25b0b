//! `hotledger journal salvage`: what is sound of a damaged journal, in a new directory.

use std::fs::{self, File};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use hotledger_journal::salvage::{Account, Loss, Salvaged, salvage};
use hotledger_journal::verify::journal_id;
use hotledger_journal::{Batch, Disk, FileDisk};
use serde::Serialize;
use uuid::Uuid;

use crate::args::SalvageArgs;
use crate::exit::Failure;
use crate::inspect::Printer;
use crate::out;

/// What is sound behind the first loss.
const BEHIND: &str = "behind-the-damage.jsonl";
/// Where the new journal comes from, and its name until it is whole.
const PROVENANCE: &str = "salvage.json";
const PROVENANCE_UNFINISHED: &str = "salvage.json.unfinished";

/// Runs the command.
pub(crate) fn run(args: &SalvageArgs) -> anyhow::Result<()> {
    let failed = || format!("cannot salvage {}", args.dir.display());
    let source = FileDisk::open_existing(&args.dir).with_context(failed)?;
    let source: Arc<dyn Disk> = Arc::new(source);
    check_new(&args.dir, &args.new_dir)?;
    let journal = journal_id(&source).with_context(failed)?;
    let mut record = Record::new(&args.new_dir, journal);
    let mut kept = Ok(());
    let target = || Ok(Arc::new(FileDisk::open(&args.new_dir)?) as Arc<dyn Disk>);
    let account = salvage(&source, target, &mut |told| {
        kept = record.take(told);
        if kept.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .with_context(failed)?;
    let printed = kept
        .and_then(|()| record.finish(&args.dir, &account))
        .with_context(|| format!("cannot write to {}", args.new_dir.display()))?;
    match account.losses {
        0 => printed.or_else(closed_pipe).context("cannot print what was saved"),
        losses => Err(Failure::Lost { losses }.into()),
    }
}

/// Whoever has seen enough closes the pipe: that is no failure.
fn closed_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

/// The new directory is absent or empty, and not inside the one that must not change.
fn check_new(dir: &Path, new_dir: &Path) -> anyhow::Result<()> {
    let taken = |why: &str| Failure::InTheWay(format!("{} {why}", new_dir.display())).into();
    match fs::read_dir(new_dir).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(taken("is not empty")),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(taken("is not a directory"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot read {}", new_dir.display()));
        }
        Ok(false) | Err(_) => {}
    }
    let parent = match new_dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // A parent that is not there is found out when the directory is made.
    match (dir.canonicalize(), parent.canonicalize()) {
        (Ok(dir), Ok(parent)) if parent.starts_with(&dir) => Err(taken("is inside the source")),
        _ => Ok(()),
    }
}

/// Everything that is written down beside the new journal, as it comes.
struct Record {
    out: BufWriter<StdoutLock<'static>>,
    /// What is saved does not depend on whether anybody reads along.
    printed: io::Result<()>,
    new_dir: PathBuf,
    journal: Option<Uuid>,
    behind: Option<Printer<BufWriter<File>>>,
    provenance: Option<BufWriter<File>>,
}

impl Record {
    fn new(new_dir: &Path, journal: Option<Uuid>) -> Self {
        let new_dir = new_dir.to_owned();
        Self {
            out: out::stdout(),
            printed: Ok(()),
            new_dir,
            journal,
            behind: None,
            provenance: None,
        }
    }

    fn take(&mut self, told: Salvaged<'_>) -> io::Result<()> {
        match told {
            Salvaged::Lost(loss) => self.lost(&LossLine::from(loss)),
            Salvaged::Behind(batch) => self.behind(batch),
        }
    }

    fn lost(&mut self, line: &LossLine) -> io::Result<()> {
        self.print(line);
        let first = self.provenance.is_none();
        let file = self.provenance()?;
        file.write_all(if first { b"" } else { b"," })?;
        Ok(serde_json::to_writer(file, line)?)
    }

    fn behind(&mut self, batch: &Batch) -> io::Result<()> {
        if self.behind.is_none() {
            let out = BufWriter::new(File::create_new(self.new_dir.join(BEHIND))?);
            let journal = self.journal.unwrap_or_default();
            self.behind = Some(Printer { out, journal, range: (0, u64::MAX) });
        }
        self.behind.as_mut().expect("made above").batch(batch)
    }

    /// The provenance file, begun with the list of losses, which grows as they are found.
    fn provenance(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.provenance.is_none() {
            let path = self.new_dir.join(PROVENANCE_UNFINISHED);
            let mut file = BufWriter::new(File::create_new(path)?);
            file.write_all(b"{\"lost\":[")?;
            self.provenance = Some(file);
        }
        Ok(self.provenance.as_mut().expect("made above"))
    }

    /// Makes all of it durable, the provenance last, and prints the summary.
    /// The answer is whether it could be printed.
    fn finish(mut self, dir: &Path, account: &Account) -> io::Result<io::Result<()>> {
        if let Some(Printer { out, .. }) = self.behind.take() {
            out.into_inner()?.sync_all()?;
        }
        let line = SummaryLine::new(dir, account);
        self.provenance()?;
        let mut file = self.provenance.take().expect("begun above");
        file.write_all(b"],")?;
        let rest = serde_json::to_vec(&line)?;
        file.write_all(rest.strip_prefix(b"{").expect("a struct is an object"))?;
        file.write_all(b"\n")?;
        file.into_inner()?.sync_all()?;
        let unfinished = self.new_dir.join(PROVENANCE_UNFINISHED);
        fs::rename(unfinished, self.new_dir.join(PROVENANCE))?;
        File::open(&self.new_dir)?.sync_all()?;
        self.print(&line);
        Ok(self.printed.and_then(|()| self.out.flush()))
    }

    fn print(&mut self, line: &impl Serialize) {
        if self.printed.is_ok() {
            self.printed = out::json_line(&mut self.out, line);
        }
    }
}

/// One loss.
#[derive(Serialize)]
struct LossLine {
    from: u64,
    to: Option<u64>,
    file: String,
    offset: u64,
    why: String,
}

impl From<Loss> for LossLine {
    fn from(Loss { from, to, file, offset, why }: Loss) -> Self {
        Self { from, to, file, offset, why }
    }
}

/// What was saved, and from what.
#[derive(Serialize)]
struct SummaryLine {
    source: String,
    source_journal: Option<Uuid>,
    /// Of the last batch kept, in the source; receipts gave it.
    source_chain: String,
    journal: Uuid,
    chain: String,
    entries: u64,
    events: u64,
    last_position: Option<u64>,
    losses: u64,
    lost_events: u64,
    events_behind: u64,
    torn_bytes: u64,
}

impl SummaryLine {
    fn new(dir: &Path, account: &Account) -> Self {
        Self {
            source: dir.display().to_string(),
            source_journal: account.source,
            source_chain: account.source_chain.to_string(),
            journal: account.journal_id,
            chain: account.chain.to_string(),
            entries: account.entries,
            events: account.events,
            last_position: account.last_position,
            losses: account.losses,
            lost_events: account.lost_events,
            events_behind: account.events_behind,
            torn_bytes: account.torn_bytes,
        }
    }
}
