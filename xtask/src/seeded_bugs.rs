//! The bank of seeded bugs: each is planted in a copy of the tree, and its named test must fail.
//!
//! A patch in `tests/seeded-bugs/` says in the lines before its diff what it plants (`Bug:`), to
//! whom it happened (`Happened-to:`) and what `cargo test` is given to catch it (`Caught-by:`).

mod bank;
mod tree;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use bank::Bug;
use tree::{Tree, Verdict};

/// A planted bug may make its test wait for ever; no named test takes a tenth of this.
const TEST_TIME_MAX: Duration = Duration::from_secs(180);

/// Plants the bugs that the options leave, one at a time; fails if one survives.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let bugs = chosen(bank::read()?, options)?;
    let mut tree = Tree::copied()?;
    for bug in &bugs {
        tree.check_applies(bug).with_context(|| format!("{} does not apply", bug.name))?;
    }
    println!("{} bugs, each applies; output in {}", bugs.len(), tree.output_directory().display());
    pass_without_bugs(&mut tree, &bugs)?;
    println!("\n{:<52} {:>9}  caught by", "bug", "seconds");
    let mut survivors = Vec::new();
    for bug in &bugs {
        let (verdict, elapsed) = tree.plant(bug, TEST_TIME_MAX)?;
        println!("{:<52} {:>9.1}  {}", bug.name, elapsed.as_secs_f64(), said(&verdict));
        if !matches!(verdict, Verdict::Failed { .. } | Verdict::Hung) {
            survivors.push(bug.name.as_str());
        }
    }
    println!("\n{} of {} caught", bugs.len() - survivors.len(), bugs.len());
    ensure!(survivors.is_empty(), "not caught: {}", survivors.join(", "));
    Ok(())
}

/// A test that fails anyway catches nothing.
fn pass_without_bugs(tree: &mut Tree, bugs: &[Bug]) -> Result<()> {
    let mut tests = BTreeSet::new();
    for bug in bugs.iter().filter(|bug| tests.insert(&bug.caught_by)) {
        let test = bug.caught_by.join(" ");
        let (verdict, elapsed) = tree.test_soundly(bug, TEST_TIME_MAX)?;
        ensure!(verdict == Verdict::Passed, "without a bug, {test}: {}", said(&verdict));
        println!("passes without a bug in {:>6.1} s: {test}", elapsed.as_secs_f64());
    }
    Ok(())
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Failed { test } => test.clone(),
        Verdict::Hung => format!("a hang: no end within {} s", TEST_TIME_MAX.as_secs()),
        Verdict::Passed => "NOTHING: it passes".to_owned(),
        Verdict::NotRun => "NOTHING: no test has this name".to_owned(),
        Verdict::NotCompiled => "NOTHING: it does not compile".to_owned(),
    }
}

/// `--only NN`, `--only NN-NN`, or `--sample N` with `--seed S`, or all.
fn chosen(bugs: Vec<Bug>, options: &[&str]) -> Result<Vec<Bug>> {
    match options {
        [] => Ok(bugs),
        ["--only", numbers] => only(bugs, numbers),
        ["--sample", count] => sample(bugs, count, "0"),
        ["--sample", count, "--seed", seed] => sample(bugs, count, seed),
        _ => bail!("it takes --only NN or NN-NN, or --sample N --seed S"),
    }
}

/// Those from the one number to the other, or with the only number.
fn only(mut bugs: Vec<Bug>, numbers: &str) -> Result<Vec<Bug>> {
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let bounds: (u8, u8) = (first.parse()?, last.parse()?);
    bugs.retain(|bug| (bounds.0..=bounds.1).contains(&bug.number));
    ensure!(!bugs.is_empty(), "there is no bug {numbers}");
    Ok(bugs)
}

/// The same few for the same seed, in their order.
fn sample(mut bugs: Vec<Bug>, count: &str, seed: &str) -> Result<Vec<Bug>> {
    let count: usize = count.parse().context("--sample takes a number")?;
    let mut state: u64 = seed.parse().context("--seed takes a number")?;
    while bugs.len() > count {
        // Knuth's MMIX generator; its high bits are the better ones.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bugs.remove((state >> 33) as usize % bugs.len());
    }
    Ok(bugs)
}
