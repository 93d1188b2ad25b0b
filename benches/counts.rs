//! Instructions an operation takes, beside those it is recorded to take: the gate for speed.
//!
//! Seconds do not repeat on a shared machine; instructions do, to a percent. Each operation runs in
//! a process of its own under `valgrind --tool=callgrind`, on one thread and without a disk, and
//! only its counted part is counted.
//!
//! ```text
//! cargo bench --bench counts                 checks against benches/counts/recorded.txt
//! cargo bench --bench counts -- --record     records what is counted now
//! ```
//!
//! It fails when an operation takes more than 3 % above what is recorded. Without valgrind it says
//! so and checks nothing. As a test it runs every operation once, uncounted.

#[path = "counts/callgrind.rs"]
mod callgrind;
#[path = "counts/operations.rs"]
mod operations;
#[path = "counts/recorded.rs"]
mod recorded;
#[path = "stand/mod.rs"]
mod stand;

use std::process::ExitCode;

use callgrind::Unavailable;
use operations::OPERATIONS;
use recorded::Recorded;

/// What random hash seeds and another layout of the binary may change, and a bit more.
const TOLERANCE: f64 = 0.03;

fn main() -> ExitCode {
    let said: Vec<_> = std::env::args().skip(1).collect();
    if let Some(name) = callgrind::asked_for(&said) {
        let operation = OPERATIONS.iter().find(|operation| operation.name == name);
        (operation.expect("asked for by this program").run)();
        return ExitCode::SUCCESS;
    }
    if !stand::laps::measuring() {
        return try_all();
    }
    match callgrind::version() {
        Ok(version) if said.iter().any(|argument| argument == "--record") => record(version),
        Ok(version) => check(&version),
        Err(Unavailable(why)) => {
            println!("SKIPPED, nothing was counted: {why}");
            ExitCode::SUCCESS
        }
    }
}

/// Runs everything as it is, and sees that all of it is recorded.
fn try_all() -> ExitCode {
    let recorded = Recorded::read();
    for operation in OPERATIONS {
        (operation.run)();
        assert!(recorded.of(operation.name).is_some(), "record {}", operation.name);
    }
    ExitCode::SUCCESS
}

fn count_all() -> Vec<(&'static str, f64)> {
    let counted = OPERATIONS.iter().map(|operation| {
        let instructions = callgrind::count(operation.name);
        (operation.name, instructions as f64 / operation.times as f64)
    });
    counted.collect()
}

fn record(version: String) -> ExitCode {
    let counted = count_all();
    counted.iter().for_each(|(name, count)| println!("{name:24}{count:>12.1}"));
    Recorded::new(version, &counted).write();
    ExitCode::SUCCESS
}

fn check(version: &str) -> ExitCode {
    let recorded = Recorded::read();
    println!("{:24}{:>12}{:>12}{:>9}", "instructions each", "recorded", "now", "change");
    let mut worse = false;
    for (name, count) in count_all() {
        let Some(before) = recorded.of(name) else {
            println!("{name:24}{:>12}{count:>12.1}", "none");
            worse = true;
            continue;
        };
        let change = count / before - 1.0;
        let verdict = match change {
            change if change > TOLERANCE => "  MORE",
            change if change < -TOLERANCE => "  fewer: record it",
            _ => "",
        };
        worse |= change > TOLERANCE;
        println!("{name:24}{before:>12.1}{count:>12.1}{:>8.1}%{verdict}", change * 100.0);
    }
    judge(worse, version, &recorded)
}

/// Other compilers make other instructions: then a difference is told, and is no failure.
fn judge(worse: bool, version: &str, recorded: &Recorded) -> ExitCode {
    match (worse, version == recorded.version()) {
        (false, _) => ExitCode::SUCCESS,
        (true, false) => {
            println!("NO VERDICT: recorded with {}, counted with {version}", recorded.version());
            ExitCode::SUCCESS
        }
        (true, true) => {
            println!(
                "an operation takes more than {:.0} % more instructions than recorded: make it \
                 cheaper, or record it with `-- --record` and say why in the commit",
                TOLERANCE * 100.0
            );
            ExitCode::FAILURE
        }
    }
}
