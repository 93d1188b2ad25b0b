//! A journal's canonical life on the model disk, and the oracle that knows what was answered.
#![allow(dead_code, unreachable_pub)] // Every test file takes its own part.

pub mod oracle;
pub mod script;
pub mod workload;

use std::env;

/// How much of all there is to try: everything, or a part that fits into a test run and is
/// another one each day.
pub enum Extent {
    All,
    Part { offset: u64 },
}

/// As the environment says: `HOTLEDGER_STATES=all` for everything, a number for the part that
/// begins there.
pub fn extent() -> Extent {
    match env::var("HOTLEDGER_STATES") {
        Ok(all) if all == "all" => Extent::All,
        Ok(offset) => {
            Extent::Part { offset: offset.parse().expect("HOTLEDGER_STATES is `all` or a number") }
        }
        Err(_) => {
            let now = std::time::SystemTime::now();
            let since = now.duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
            Extent::Part { offset: since.as_secs() / 86_400 }
        }
    }
}

impl Extent {
    /// Whether to try this one, where a part is one in so many.
    pub fn takes(&self, number: u64, one_in: u64) -> bool {
        match self {
            Extent::All => true,
            Extent::Part { offset } => (number + offset).is_multiple_of(one_in),
        }
    }
}

/// Counts what was tried and keeps the first violations.
#[derive(Default)]
pub struct Tally {
    pub states: u64,
    pub violations: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, outcome: Result<(), String>, what: impl FnOnce() -> String) {
        self.states += 1;
        if let Err(violation) = outcome {
            self.violations.push(format!("{}: {violation}", what()));
        }
    }

    /// Says what was found, and fails where it was anything.
    pub fn report(&self, what: &str, at_least: u64) {
        println!("{what}: {} tried, {} violations", self.states, self.violations.len());
        let first = &self.violations[..self.violations.len().min(10)];
        assert!(
            first.is_empty(),
            "{} violations, the first:\n{}",
            self.violations.len(),
            first.join("\n")
        );
        assert!(self.states >= at_least, "{what}: only {} of {at_least} tried", self.states);
    }
}
