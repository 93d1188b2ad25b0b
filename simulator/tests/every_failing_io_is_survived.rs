//! Whichever call to the disk fails, however, once or for ever: nothing is answered that is not
//! there, what failed is said, and when the fault has passed the journal goes on.

mod support;

use std::{
    cell::Cell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use hotledger_journal::Error;
use hotledger_simulator::{Dice, Fault, FaultKind, Loss, ModelDisk, Scope};
use support::{
    Extent, Tally, extent,
    oracle::{self, Expected, Failure, survive},
    workload::{Dawn, Run, Told, live, run},
};

const FAULTS: [Fault; 9] = [
    Fault::Eio,
    Fault::EioForEver(Scope::SameKind),
    Fault::EioForEver(Scope::Everything),
    Fault::NoSpace,
    Fault::Full,
    Fault::NoDescriptor,
    Fault::NoDescriptorForEver,
    Fault::ShortWrite,
    Fault::Stall(5),
];

/// What comes after the failure: another opening, another process, a power cut.
const ENDINGS: u64 = 4;

/// Errors of the operations themselves, not of crashes.
fn failures(disk: &ModelDisk) -> u64 {
    use FaultKind::{Eio, FailedSync, NoDescriptor, NoSpace, ShortWrite, Stall};
    let kinds = [Eio, FailedSync, NoDescriptor, NoSpace, ShortWrite, Stall];
    kinds.iter().map(|kind| disk.fired().of(*kind)).sum()
}

/// Any error may be told but one that calls a failing disk damage, or a journal away that is there.
fn is_honest(error: &Error) -> bool {
    match error {
        Error::Io { .. } | Error::Full { .. } => true,
        Error::Poisoned(cause) | Error::NotPrepared(cause) => is_honest(cause),
        _ => false,
    }
}

fn judge<T>(outcome: Result<T, Failure>) -> Result<(), String> {
    match outcome {
        Err(Failure::Refused(error)) if !is_honest(&error) => Err(format!("it says: {error}")),
        Err(Failure::Wrong(what)) => Err(what),
        Ok(_) | Err(Failure::Refused(_)) => Ok(()),
    }
}

/// One life with one failing operation, and what comes after. `None` where nothing failed.
fn fail(run: &Run, dawn: &Dawn, at: u64, fault: Fault, ending: u64) -> Option<Result<(), String>> {
    let disk = dawn.disk.fork();
    let number = disk.operations() + at;
    let mut dice = Dice::new(number * 64 + ending);
    disk.reseed(dice.number());
    disk.plan(number, fault);
    let before = failures(&disk);
    let told = Told::after(dawn.known);
    let relieved = Cell::new(0);
    let mut relief = || {
        relieved.set(relieved.get() + 1);
        disk.heal();
        disk.set_capacity(None);
        if relieved.get() > 1 { Err("I12: full again, with room".to_owned()) } else { Ok(()) }
    };
    let outcome = judge(live(&disk, &run.script, dawn.life, &told, &mut relief));
    if failures(&disk) == before {
        return None;
    }
    Some(outcome.and_then(|()| {
        let known = told.known();
        // While it lasts, nobody may do harm by trying again.
        let expected = Expected::new(&run.script, known.submitted, &[]);
        judge(oracle::open(&disk, known.start, expected))?;
        disk.heal();
        disk.set_capacity(None);
        let after = match ending {
            0 => disk.clone(),
            1 => disk.kill(),
            2 => disk.crash_with(Loss::Everything),
            _ => disk.crash(),
        };
        survive(&after, &run.script, known, &mut dice)
    }))
}

#[test]
fn each_operation_in_each_way() {
    let extent = extent();
    let (mut tally, mut fired) = (Tally::default(), BTreeMap::new());
    for run in [run(ModelDisk::new(2), 2), run(ModelDisk::new(3).without_direct(), 3)] {
        assert!(run.moments.len() >= 2000 && run.segments >= 3, "the workload is canonical");
        for dawn in &run.dawns {
            fail_each(&run, dawn, &extent, &mut tally, &mut fired);
        }
    }
    println!("{fired:?}");
    assert_eq!(fired.len(), FAULTS.len(), "every kind of fault took effect");
    tally.report("failures", if matches!(extent, Extent::All) { 30_000 } else { 1000 });
}

fn fail_each(
    run: &Run,
    dawn: &Dawn,
    extent: &Extent,
    tally: &mut Tally,
    fired: &mut BTreeMap<String, u64>,
) {
    let ways = FAULTS.len() as u64 * ENDINGS;
    for (at, way) in (0..dawn.operations).flat_map(|at| (0..ways).map(move |way| (at, way))) {
        if !extent.takes((dawn.life * 3 + at) * 5 + way, 61) {
            continue;
        }
        let (fault, ending) = (FAULTS[(way / ENDINGS) as usize], way % ENDINGS);
        let outcome = catch_unwind(AssertUnwindSafe(|| fail(run, dawn, at, fault, ending)));
        if let Some(outcome) = outcome.unwrap_or(Some(Err("it panicked".to_owned()))) {
            *fired.entry(format!("{fault:?}")).or_insert(0) += 1;
            tally.add(outcome, || {
                format!("life {}, operation {at}, {fault:?}, ending {ending}", dawn.life)
            });
        }
    }
}
