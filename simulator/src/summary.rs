//! What happened in a run of seeds: how often, and in how many of them.

use std::collections::BTreeMap;

use crate::disk::{FaultKind, Fired};

/// What is counted beside the faults of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Note {
    /// A command was answered as committed.
    Committed,
    /// A command was answered with the receipt of an earlier time.
    Duplicate,
    /// A command was refused by the application, or for its expected version.
    Rejected,
    /// A command was refused for want of room.
    NoRoom,
    /// A command was lost with its engine.
    Unknown,
    /// An engine was opened.
    Opened,
    /// An engine was opened with other settings than before.
    OtherSetting,
    /// A recovery dropped a torn tail.
    TornTail,
    /// A recovery wrote batches again.
    Rewritten,
    /// The power went, or the process was killed, within a recovery.
    CrashInRecovery,
    /// An engine refused to open.
    Refused,
    /// A second engine was sent away.
    SentAway,
    /// The state was folded from a snapshot.
    SnapshotUsed,
    /// The history was read while the engine stood still after a failure.
    ReadWhileHalted,
    /// The time of day jumped.
    ClockJumped,
}

/// How often each thing happened in one seed.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    counts: BTreeMap<Note, u64>,
}

impl Notes {
    /// Counts one more.
    pub(crate) fn add(&mut self, note: Note) {
        *self.counts.entry(note).or_default() += 1;
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self, note: Note) -> u64 {
        self.counts.get(&note).copied().unwrap_or(0)
    }
}

/// How a seed ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its plan was done, and everything held.
    Whole,
    /// The disk lied, and that was noticed before anything wrong was served.
    Noticed,
    /// The disk lost the last batches, which no watermark covered yet: the documented hole.
    Hole,
    /// A promise was broken: this one.
    Violation(String),
}

/// What one seed came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub ended: Ended,
    /// A hash over every operation on the disk and every answer: the same for the same seed.
    pub trace: u64,
    /// What was done to the disk.
    pub fired: Fired,
    /// What happened besides.
    pub notes: Notes,
}

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds that were run.
    pub seeds: u64,
    /// Seeds whose plan was done.
    pub whole: u64,
    /// Seeds in which damage was noticed.
    pub noticed: u64,
    /// Seeds that met the documented hole.
    pub holes: u64,
    /// Seeds that broke a promise, and which.
    pub violations: Vec<(u64, String)>,
    /// All traces in one number, whatever their order.
    pub trace: u64,
    faults: BTreeMap<FaultKind, (u64, u64)>,
    notes: BTreeMap<Note, (u64, u64)>,
}

impl Summary {
    /// Takes one seed in.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.trace ^= crate::dice::mix(outcome.trace ^ outcome.seed);
        match &outcome.ended {
            Ended::Whole => self.whole += 1,
            Ended::Noticed => self.noticed += 1,
            Ended::Hole => self.holes += 1,
            Ended::Violation(why) => self.violations.push((outcome.seed, why.clone())),
        }
        for (kind, count) in outcome.fired.iter() {
            count_in(&mut self.faults, kind, count);
        }
        for (note, count) in &outcome.notes.counts {
            count_in(&mut self.notes, *note, *count);
        }
    }

    /// Takes in what others ran.
    pub fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.whole += other.whole;
        self.noticed += other.noticed;
        self.holes += other.holes;
        self.violations.extend(other.violations);
        self.trace ^= other.trace;
        for (kind, (seeds, count)) in other.faults {
            let (of, all) = self.faults.entry(kind).or_default();
            (*of, *all) = (*of + seeds, *all + count);
        }
        for (note, (seeds, count)) in other.notes {
            let (of, all) = self.notes.entry(note).or_default();
            (*of, *all) = (*of + seeds, *all + count);
        }
    }

    /// Faults that took effect in less than so many of a thousand seeds.
    #[must_use]
    pub fn rare(&self, per_mille: u64) -> Vec<FaultKind> {
        let seeds_of = |kind: &FaultKind| self.faults.get(kind).map_or(0, |(seeds, _)| *seeds);
        let rare = |kind: &FaultKind| seeds_of(kind) * 1_000 < self.seeds * per_mille;
        FaultKind::ALL.into_iter().filter(rare).collect()
    }
}

fn count_in<K: Ord>(counts: &mut BTreeMap<K, (u64, u64)>, key: K, count: u64) {
    let (seeds, all) = counts.entry(key).or_default();
    (*seeds, *all) = (*seeds + 1, *all + count);
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seeds, whole, noticed, holes, violations, trace, .. } = self;
        writeln!(
            f,
            "{seeds} seeds: {whole} done, {noticed} lies noticed, {holes} in the documented hole, \
             {} violations; trace {trace:016x}",
            violations.len()
        )?;
        let share = |of: u64| of as f64 * 100.0 / (*seeds).max(1) as f64;
        writeln!(f, "\n| what | in seeds | times |\n|---|---:|---:|")?;
        for (kind, (of, times)) in &self.faults {
            writeln!(f, "| {kind:?} | {:.1} % | {times} |", share(*of))?;
        }
        for (note, (of, times)) in &self.notes {
            writeln!(f, "| {note:?} | {:.1} % | {times} |", share(*of))?;
        }
        Ok(())
    }
}
