//! Opens journals and compares what they hold with what was answered.

use std::sync::Arc;

use hotledger_journal::{Cursor, Error, Journal, Reader, Recovery};
use hotledger_simulator::{Dice, Fault, Loss, ModelDisk};

use super::script::{Script, Scripted, options};

/// A place to start reading from, and the entries before it: what a snapshot would keep.
pub type Start = Option<(Cursor, u64)>;

/// Entries that must be there, one after the other.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    script: &'a Script,
    /// So many of the script come first.
    base: u64,
    then: &'a [Scripted],
}

impl<'a> Expected<'a> {
    pub fn new(script: &'a Script, base: u64, then: &'a [Scripted]) -> Expected<'a> {
        Expected { script, base, then }
    }

    fn entry(&self, number: u64) -> Option<&'a Scripted> {
        match number.checked_sub(self.base) {
            None => Some(self.script.entry(number)),
            Some(at) => self.then.get(at as usize),
        }
    }
}

/// A journal that was opened, and how many entries it holds.
pub struct Opened {
    pub journal: Journal,
    pub entries: u64,
    pub torn_bytes: u64,
}

/// Why a journal was not opened.
#[derive(Debug)]
pub enum Failure {
    Refused(Error),
    /// It holds something it must not hold.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> String {
        match failure {
            Failure::Refused(error) => format!("refused: {error}"),
            Failure::Wrong(what) => what,
        }
    }
}

/// Recovers and compares every entry.
pub fn open(disk: &ModelDisk, start: Start, expected: Expected) -> Result<Opened, Failure> {
    let recovery = Recovery::begin(Arc::new(disk.clone()), options())?;
    let start = start.filter(|_| !recovery.is_new());
    let (reader, entries, position) = read(&recovery, start, expected)?;
    let (journal, report) = recovery.finish(reader)?;
    if journal.next_position() != position || journal.durable_position() != position {
        return Err(Failure::Wrong(format!("goes on at {}", journal.next_position())));
    }
    Ok(Opened { journal, entries, torn_bytes: report.torn_bytes })
}

/// How many entries there are, found out without changing anything.
pub fn look(disk: &ModelDisk, start: Start, expected: Expected) -> Result<u64, String> {
    let before = disk.fork();
    let recovery = Recovery::begin_read_only(Arc::new(disk.clone())).map_err(Failure::Refused)?;
    let start = start.filter(|_| !recovery.is_new());
    let (_, entries, _) = read(&recovery, start, expected)?;
    unchanged(&before, disk)?;
    Ok(entries)
}

/// I10: nothing but the lock's own file may differ.
pub fn unchanged(before: &ModelDisk, after: &ModelDisk) -> Result<(), String> {
    let mut changed = before.differences(after);
    changed.retain(|name| name != "lock");
    if changed.is_empty() { Ok(()) } else { Err(format!("I10: {changed:?} changed")) }
}

fn read(
    recovery: &Recovery,
    start: Start,
    expected: Expected,
) -> Result<(Reader, u64, u64), Failure> {
    let mut reader = recovery.reader_at(start.map(|(cursor, _)| cursor))?;
    let (mut position, mut entries) = start.map_or((0, 0), |(at, before)| (at.position, before));
    while let Some(batch) = reader.next()? {
        for entry in batch.entries() {
            let entry = entry?;
            let wrong = |what: String| Failure::Wrong(format!("I1, I2: entry {entries}: {what}"));
            let scripted = expected.entry(entries);
            let scripted = scripted.ok_or_else(|| wrong("one more than was written".into()))?;
            if entry.first_position() != position {
                return Err(wrong(format!("at {} instead of {position}", entry.first_position())));
            }
            scripted.check(&entry, position).map_err(wrong)?;
            position += scripted.events.len() as u64;
            entries += 1;
        }
    }
    Ok((reader, entries, position))
}

/// What is known of a journal at the moment of a crash.
#[derive(Clone, Copy)]
pub struct Known {
    /// Entries that were answered.
    pub acknowledged: u64,
    /// Entries that were handed to the disk.
    pub submitted: u64,
    pub start: Start,
}

impl Known {
    /// I2: what is there lies between what was answered and what was written.
    pub fn check(&self, entries: u64) -> Result<(), String> {
        if (self.acknowledged..=self.submitted).contains(&entries) {
            return Ok(());
        }
        let Known { acknowledged, submitted, .. } = self;
        Err(format!("I1: {entries} entries of {acknowledged} answered, {submitted} written"))
    }
}

/// Recovers what a crash left, by way of crashes in the recovery where chance wants some, and
/// goes on with it: whatever the recovery found stays, whatever it dropped stays away.
pub fn survive(
    disk: &ModelDisk,
    script: &Script,
    known: Known,
    dice: &mut Dice,
) -> Result<(), String> {
    let expected = Expected::new(script, known.submitted, &[]);
    let start = known.start.filter(|_| !dice.chance(125));
    if dice.chance(100) {
        known.check(look(&disk.fork(), start, expected)?)?;
    }
    let mut disk = disk.clone();
    let mut interruptions = [200, 300, 0].into_iter();
    let opened = loop {
        if dice.chance(interruptions.next().unwrap_or(0)) {
            let fault = if dice.chance(800) { Fault::PowerCut } else { Fault::Kill };
            disk.plan(disk.operations() + dice.below(50), fault);
        }
        let opened = open(&disk, start, expected);
        // Gone it may be after success too: the last looks are at what can be done without.
        if disk.is_gone() {
            drop(opened);
            disk = disk.crash();
            continue;
        }
        match opened {
            Ok(opened) => break opened,
            Err(failure) => return Err(failure.into()),
        }
    };
    disk.heal();
    known.check(opened.entries)?;
    go_on(&disk, script, opened, start, dice)
}

/// Appends to what was recovered, or not, and crashes again: nothing more and nothing less is
/// there.
fn go_on(
    disk: &ModelDisk,
    script: &Script,
    opened: Opened,
    start: Start,
    dice: &mut Dice,
) -> Result<(), String> {
    let Opened { mut journal, entries, .. } = opened;
    let before = disk.fork();
    let second = Recovery::begin(Arc::new(disk.clone()), options());
    if !matches!(second, Err(Error::Locked)) {
        return Err(format!("I9: a second writer meets {:?}", second.err()));
    }
    unchanged(&before, disk)?;
    let count = dice.below(3);
    let then: Vec<_> = (0..count).map(|at| Scripted::new(dice, 1_000_000 + at)).collect();
    for entry in &then {
        entry.append(&mut journal).map_err(Failure::Refused)?;
        journal.submit().map_err(Failure::Refused)?;
        let written = journal.complete(true).map_err(Failure::Refused)?;
        let end = written.ok_or("nothing was written")?.batch.end_position();
        if end != journal.durable_position() {
            return Err("I3: durable is not what was answered".to_owned());
        }
    }
    let loss = [Loss::Everything, Loss::Nothing, Loss::Seeded][dice.below(3) as usize];
    let again = disk.crash_with(loss);
    drop(journal);
    let expected = Expected::new(script, entries, &then);
    let found = open(&again, start, expected).map_err(String::from)?.entries;
    if found != entries + count {
        return Err(format!("I4: {found} entries after {entries} and {count} more, {loss:?}"));
    }
    Ok(())
}
