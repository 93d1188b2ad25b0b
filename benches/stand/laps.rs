//! How often something is measured, and the table of what came out: median, least, most.

use std::fmt::Display;
use std::str::FromStr;

/// Whether this is `cargo bench`, or only a try as a test.
pub fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A size: what the environment says under this name, else `real` for a measurement, else `tiny`.
pub fn size<T: FromStr>(variable: &str, real: T, tiny: T) -> T {
    let said = std::env::var(variable).ok().filter(|_| measuring());
    let said = said.map(|said| {
        said.parse().unwrap_or_else(|_| panic!("{variable} is `{said}`; give a number"))
    });
    said.unwrap_or(if measuring() { real } else { tiny })
}

/// Repetitions of a measurement: 3, or what `HOTLEDGER_REPETITIONS` says.
pub fn repetitions() -> usize {
    size("HOTLEDGER_REPETITIONS", 3, 1)
}

/// What several rows of one table came to, one value a row and a repetition.
///
/// Rows take turns within a repetition, because the machine drifts; so each repetition has its own
/// ratio between two rows.
pub struct Laps {
    unit: &'static str,
    rows: Vec<(String, Vec<f64>)>,
}

impl Laps {
    pub fn new(unit: &'static str) -> Self {
        Self { unit, rows: Vec::new() }
    }

    pub fn add(&mut self, row: impl Display, value: f64) {
        let row = row.to_string();
        match self.rows.iter_mut().find(|(name, _)| *name == row) {
            Some((_, values)) => values.push(value),
            None => self.rows.push((row, vec![value])),
        }
    }

    /// Prints every row.
    pub fn show(&self) {
        println!("{:80}{:>11}{:>11}{:>11}", self.unit, "median", "least", "most");
        for (name, values) in &self.rows {
            line(name, values, 2);
        }
    }

    /// Prints how many times one row is another, repetition by repetition.
    pub fn show_ratio(&self, of: impl Display, to: impl Display) {
        let (of, to) = (of.to_string(), to.to_string());
        let ratios = self.values(&of).iter().zip(self.values(&to)).map(|(of, to)| of / to);
        line(&format!("x: {of} / {to}"), &ratios.collect::<Vec<_>>(), 3);
    }

    fn values(&self, row: &str) -> &[f64] {
        let found = self.rows.iter().find(|(name, _)| name == row);
        &found.unwrap_or_else(|| panic!("no row `{row}` was measured")).1
    }
}

fn line(name: &str, values: &[f64], digits: usize) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    let median = sorted[sorted.len() / 2];
    println!("  {name:78}{median:>11.digits$}{least:>11.digits$}{most:>11.digits$}");
}
