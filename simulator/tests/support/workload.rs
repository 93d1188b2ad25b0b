//! The canonical workload: sixty openings of one journal, and every moment of it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use hotledger_journal::{Error, Journal, Preparer};
use hotledger_simulator::{Fault, ModelDisk, Operation};

use super::{
    oracle::{Expected, Failure, Known, Start, open},
    script::Script,
};

pub const LIVES: u64 = 60;

/// Batches in one life.
const BATCHES: u64 = 6;

/// What the journal was asked for and what it answered.
#[derive(Default)]
pub struct Told {
    submitted: AtomicU64,
    acknowledged: AtomicU64,
    /// Cursors behind answered batches, and the entries before them.
    cursors: Mutex<Vec<(hotledger_journal::Cursor, u64)>>,
}

impl Told {
    /// So much is there already.
    pub fn after(known: Known) -> Told {
        let told = Told::default();
        told.submitted.store(known.submitted, Ordering::Relaxed);
        told.acknowledged.store(known.acknowledged, Ordering::Relaxed);
        told.cursors.lock().unwrap().extend(known.start);
        told
    }

    pub fn known(&self) -> Known {
        let cursors = self.cursors.lock().unwrap();
        // A few batches back, as a snapshot would be.
        let start: Start = cursors.len().checked_sub(3).map(|at| cursors[at]);
        Known {
            acknowledged: self.acknowledged.load(Ordering::Relaxed),
            submitted: self.submitted.load(Ordering::Relaxed),
            start: start.or_else(|| cursors.first().copied().filter(|_| cursors.len() < 3)),
        }
    }

    fn note(&self, journal: &mut Journal, wait: bool) -> Result<bool, Error> {
        let Some(written) = journal.complete(wait)? else { return Ok(false) };
        let entries = u64::from(written.batch.entry_count());
        let entries = self.acknowledged.fetch_add(entries, Ordering::Relaxed) + entries;
        let mut cursors = self.cursors.lock().unwrap();
        cursors.push((written.batch.cursor_after(), entries));
        Ok(true)
    }
}

/// The disk and what was known in the middle of one operation.
pub struct Moment {
    pub operation: Operation,
    pub life: u64,
    pub disk: ModelDisk,
    pub known: Known,
}

/// A life's beginning.
pub struct Dawn {
    pub life: u64,
    pub disk: ModelDisk,
    pub known: Known,
    /// Operations until the next.
    pub operations: u64,
}

/// The whole workload with nothing going wrong.
pub struct Run {
    pub script: Script,
    pub dawns: Vec<Dawn>,
    pub moments: Vec<Moment>,
    pub segments: u64,
}

/// Lives through it once on an empty disk and keeps a fork of the disk at every operation.
pub fn run(disk: ModelDisk, seed: u64) -> Run {
    let script = Script::new(seed, LIVES * BATCHES * 3);
    let told = Arc::new(Told::default());
    let (mut dawns, mut moments, mut segments) = (Vec::new(), Vec::new(), 0);
    for life in 0..LIVES {
        let seen = watch(&disk, &told);
        let (dawn, first) = (disk.fork(), disk.operations());
        let known = told.known();
        segments = live(&disk, &script, life, &told, &mut || Ok(())).expect("nothing goes wrong");
        let operations = disk.operations() - first;
        dawns.push(Dawn { life, disk: dawn, known, operations });
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        let moment = |(operation, disk, known)| Moment { operation, life, disk, known };
        moments.extend(seen.into_iter().map(moment));
    }
    disk.heal();
    Run { script, dawns, moments, segments }
}

type Seen = Arc<Mutex<Vec<(Operation, ModelDisk, Known)>>>;

/// Forks the disk at every operation.
pub fn watch(disk: &ModelDisk, told: &Arc<Told>) -> Seen {
    let seen = Seen::default();
    let (disk_seen, told, kept) = (disk.clone(), told.clone(), seen.clone());
    disk.set_chooser(Box::new(move |operation| {
        let moment = (operation.clone(), disk_seen.fork(), told.known());
        kept.lock().unwrap().push(moment);
        None::<Fault>
    }));
    seen
}

/// One opening of the journal and what is done until it is closed, or left as it is. `relief` is
/// called where the disk is full, before the command is tried again. The segments there are.
pub fn live(
    disk: &ModelDisk,
    script: &Script,
    life: u64,
    told: &Told,
    relief: &mut dyn FnMut() -> Result<(), String>,
) -> Result<u64, Failure> {
    let in_flight = if life % 3 == 2 { 2 } else { 1 };
    let disk = disk.clone().with_writes_in_flight(in_flight);
    let known = told.known();
    let opened = open(&disk, known.start, Expected::new(script, known.submitted, &[]))?;
    known.check(opened.entries).map_err(Failure::Wrong)?;
    let mut journal = opened.journal;
    told.submitted.store(opened.entries, Ordering::Relaxed);
    told.acknowledged.store(opened.entries, Ordering::Relaxed);
    if let Err(failure) = work(&mut journal, script, life, told, relief) {
        stands_still(&mut journal, &disk, told)?;
        return Err(failure);
    }
    let segments = journal.segment_count();
    if life % 5 != 4 {
        journal.close()?;
    }
    Ok(segments)
}

fn work(
    journal: &mut Journal,
    script: &Script,
    life: u64,
    told: &Told,
    relief: &mut dyn FnMut() -> Result<(), String>,
) -> Result<(), Failure> {
    let mut preparer = (life % 4 != 1).then(|| journal.preparer(Box::new(|| {})));
    for batch in 0..BATCHES {
        // Where there is no room it is tried again when it is needed.
        let _ = preparer.as_mut().map(Preparer::step);
        for entry in 0..1 + (life + batch) % 3 {
            if !journal.has_room() {
                break;
            }
            let number = told.submitted.load(Ordering::Relaxed) + entry;
            put(journal, script, number, &mut preparer, relief)?;
        }
        while !journal.can_submit() {
            told.note(journal, true)?;
        }
        let entries = u64::from(journal.open_entries());
        told.submitted.fetch_add(entries, Ordering::Relaxed);
        journal.submit()?;
        let wait = life % 3 != 2 || batch % 3 == 0;
        while told.note(journal, wait)? {}
        if batch % 4 == 3 {
            journal.submit_watermark()?;
        }
    }
    while journal.in_flight() > 0 {
        told.note(journal, true)?;
    }
    Ok(())
}

/// After a failed write every call answers so, and nothing more is written.
fn stands_still(journal: &mut Journal, disk: &ModelDisk, told: &Told) -> Result<(), Failure> {
    let wrong = |what: &str| Err(Failure::Wrong(what.to_owned()));
    let before = disk.operations();
    if journal.poisoned().is_none() || disk.is_gone() {
        return Ok(());
    }
    let head = hotledger_journal::EntryHead::default();
    let answers = [
        journal.complete(false).map(drop),
        journal.complete(true).map(drop),
        journal.submit_watermark().map(drop),
        journal.submit().map(drop),
        if journal.in_entry() {
            Err(journal.poisoned().expect("asked above"))
        } else {
            journal.begin_entry(&head)
        },
    ];
    if !answers.iter().all(|answer| matches!(answer, Err(Error::Poisoned(_)))) {
        return wrong("a poisoned journal goes on");
    }
    if disk.operations() != before {
        return wrong("a poisoned journal still uses the disk");
    }
    if told.known().acknowledged > told.known().submitted {
        return wrong("more was answered than was written");
    }
    Ok(())
}

/// Puts one entry into the open batch, and now and then one before it that is abandoned.
fn put(
    journal: &mut Journal,
    script: &Script,
    number: u64,
    preparer: &mut Option<Preparer>,
    relief: &mut dyn FnMut() -> Result<(), String>,
) -> Result<(), Failure> {
    let entry = script.entry(number);
    if number % 7 == 3 && journal.has_room() {
        match journal.begin_entry(&entry.head) {
            Ok(()) => journal.abandon_entry(),
            Err(Error::Full { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match entry.append(journal) {
        Err(Error::Full { .. }) => {
            relief().map_err(Failure::Wrong)?;
            let _ = preparer.as_mut().map(Preparer::step);
            match entry.append(journal) {
                Err(Error::Full { what }) => {
                    Err(Failure::Wrong(format!("I12: there is room, and yet: {what}")))
                }
                appended => Ok(appended?),
            }
        }
        appended => Ok(appended?),
    }
}
