//! A crash in the middle of any operation of the disk, and of any operation of any recovery
//! after it, keeps every entry that was answered, whole and in its place, and brings back none
//! that a recovery has dropped.

mod support;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use hotledger_journal::Error;
use hotledger_simulator::{Dice, Loss, ModelDisk};
use support::{
    Extent, Tally, extent,
    oracle::{self, Expected, Failure, survive},
    workload::{Moment, Run, Told, run, watch},
};

/// Ways in which each moment's crash is tried, on each of two disks.
const VARIANTS: u64 = 25;

/// Of a moment's crashes every so-maniest has its recovery crashed as well, at each of that
/// recovery's operations: some 90 states each.
const STRIDE: u64 = 16;

/// What a crash at a moment leaves: all, nothing, the page cache, or what the seed says.
fn crashed(disk: &ModelDisk, variant: u64, dice: &mut Dice) -> ModelDisk {
    let disk = disk.fork();
    disk.reseed(dice.number());
    match variant {
        0 => disk.crash_with(Loss::Everything),
        1 => disk.crash_with(Loss::Nothing),
        2..6 => disk.kill(),
        _ => disk.crash(),
    }
}

/// Chance for one state, the same whichever others are tried.
fn dice_of(moment: &Moment, variant: u64) -> Dice {
    Dice::new(moment.operation.number * VARIANTS + variant)
}

fn name(moment: &Moment, variant: u64) -> String {
    let Moment { operation, life, .. } = moment;
    let (number, kind, file) = (operation.number, operation.kind, &operation.file);
    format!("operation {number} ({kind:?} {file}, life {life}), variant {variant}")
}

fn guarded(check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// The workload past the page cache, and through it.
fn runs() -> [Run; 2] {
    let runs = [run(ModelDisk::new(1), 1), run(ModelDisk::new(2).without_direct(), 2)];
    for run in &runs {
        assert!(run.moments.len() >= 2000, "{} operations", run.moments.len());
        assert!(run.segments >= 3, "{} segments", run.segments);
        println!("{} operations, {} segments", run.moments.len(), run.segments);
    }
    runs
}

/// Every moment of both runs, numbered.
fn moments(runs: &[Run; 2]) -> impl Iterator<Item = (u64, &Run, &Moment)> {
    let both = runs.iter().flat_map(|run| run.moments.iter().map(move |moment| (run, moment)));
    (0..).zip(both).map(|(at, (run, moment))| (at, run, moment))
}

#[test]
fn at_every_operation() {
    let (runs, extent) = (runs(), extent());
    let mut tally = Tally::default();
    for (at, run, moment) in moments(&runs) {
        for variant in 0..VARIANTS {
            if extent.takes(at * 7 + variant, 25) {
                let mut dice = dice_of(moment, variant);
                let left = crashed(&moment.disk, variant, &mut dice);
                let check = || survive(&left, &run.script, moment.known, &mut dice);
                tally.add(guarded(check), || name(moment, variant));
            }
        }
    }
    tally.report("crashes", if matches!(extent, Extent::All) { 100_000 } else { 4000 });
}

#[test]
fn at_every_operation_of_every_recovery() {
    let (runs, extent) = (runs(), extent());
    let mut tally = Tally::default();
    for (at, run, moment) in moments(&runs) {
        for variant in (at % STRIDE..VARIANTS).step_by(STRIDE as usize) {
            if extent.takes(at * 5 + variant, 151) {
                crash_the_recovery(run, moment, variant, &mut tally);
            }
        }
    }
    let at_least = if matches!(extent, Extent::All) { 1_000_000 } else { 2000 };
    tally.report("crashes of recoveries", at_least);
}

/// Crashes one recovery at each of its operations.
fn crash_the_recovery(run: &Run, moment: &Moment, variant: u64, tally: &mut Tally) {
    let mut dice = dice_of(moment, variant);
    let left = crashed(&moment.disk, variant, &mut dice);
    let told = Arc::new(Told::after(moment.known));
    let seen = watch(&left, &told);
    let expected = Expected::new(&run.script, moment.known.submitted, &[]);
    let recovered = oracle::open(&left, moment.known.start, expected);
    tally.add(recovered.map(drop).map_err(String::from), || name(moment, variant));
    left.heal();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    for (operation, disk, _) in seen {
        let mut dice = Dice::new(dice.number());
        let left = crashed(&disk, dice.below(VARIANTS), &mut dice);
        let check = || survive(&left, &run.script, moment.known, &mut dice);
        let what = || {
            let number = operation.number;
            format!("{}, recovery's {number} ({:?})", name(moment, variant), operation.kind)
        };
        tally.add(guarded(check), what);
    }
}

/// I6, I10: damage below what was answered is named, and naming it changes nothing.
#[test]
fn damage_found_after_a_crash_is_refused_and_nothing_is_changed() {
    let (runs, extent) = (runs(), extent());
    let mut tally = Tally::default();
    for (at, run, moment) in moments(&runs) {
        if extent.takes(at, 4) && moment.known.acknowledged > 0 {
            let mut dice = dice_of(moment, 0);
            let left = crashed(&moment.disk, dice.below(VARIANTS), &mut dice);
            tally.add(guarded(|| rot(run, moment, &left, &mut dice)), || name(moment, 0));
        }
    }
    tally.report("refusals", 1000);
}

fn rot(run: &Run, moment: &Moment, left: &ModelDisk, dice: &mut Dice) -> Result<(), String> {
    // The first batch of all: every later one says that it was durable.
    let offset = 4096 + dice.below(160);
    let damage = left.rot("segment-0000000001.hl", offset, 1 << dice.below(8));
    damage.map_err(|error| error.to_string())?;
    let before = left.fork();
    let expected = Expected::new(&run.script, moment.known.submitted, &[]);
    match oracle::open(left, None, expected) {
        Err(Failure::Refused(Error::Corrupt { file, offset: 4096, position: 0, .. }))
        | Err(Failure::Refused(Error::UnknownFormat { file, offset: 4096, .. }))
            if file == "segment-0000000001.hl" => {}
        Err(failure) => return Err(String::from(failure)),
        Ok(opened) => return Err(format!("I6: opened with {} entries", opened.entries)),
    }
    oracle::unchanged(&before, left)
}
