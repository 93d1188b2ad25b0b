//! The report of a replay: how much, how exact, how fast, and the digest it ended at.

use std::collections::BTreeMap;
use std::time::Duration;

use hotledger::{Durability, Position, StateDigest};
use serde::Serialize;

use super::flow::Passed;
use super::{Judged, Recording};
use crate::args::{OutputArg, ReplayArgs};
use crate::latency::{Percentiles, micros};
use crate::out;

/// Everything that is said of a replay.
#[derive(Serialize)]
pub(super) struct Report {
    symbol: String,
    messages: u64,
    commands: u64,
    refused: BTreeMap<&'static str, u64>,
    trades: u64,
    executions_compared: u64,
    executions_exact: u64,
    rate_per_s: f64,
    seconds: f64,
    latency_us: Percentiles,
    durability: String,
    in_flight: u32,
    position: Position,
    digest: String,
}

impl Report {
    /// Puts the figures together.
    pub(super) fn new(
        args: &ReplayArgs,
        recording: &Recording,
        passed: &Passed,
        judged: &Judged,
        elapsed: Duration,
        (position, digest): (Position, StateDigest),
    ) -> Self {
        let commands = recording.steps.len() as u64;
        Self {
            symbol: recording.symbol.to_string(),
            messages: recording.messages,
            commands,
            refused: passed.refused.clone(),
            trades: judged.trades,
            executions_compared: judged.compared,
            executions_exact: judged.exact,
            rate_per_s: (commands as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE)).round(),
            seconds: elapsed.as_secs_f64(),
            latency_us: Percentiles::of(&passed.latency_ns),
            durability: Durability::from(args.durability).to_string(),
            in_flight: args.in_flight,
            position,
            digest: digest.to_string(),
        }
    }

    /// Prints it for a person or for a script.
    pub(super) fn print(&self, output: OutputArg) -> anyhow::Result<()> {
        match output {
            OutputArg::Json => Ok(out::print_json(self)?),
            OutputArg::Table => Ok(out::print(&out::facts(self.facts()))?),
        }
    }

    fn facts(&self) -> Vec<(String, String)> {
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("symbol", self.symbol.clone()),
            fact("messages", out::grouped(self.messages)),
            fact("commands", out::grouped(self.commands)),
        ];
        for (reason, count) in &self.refused {
            facts.push(fact(&format!("  refused: {reason}"), out::grouped(*count)));
        }
        facts.extend([
            fact("trades", out::grouped(self.trades)),
            fact("executions compared", out::grouped(self.executions_compared)),
            fact("  filled exactly the order NASDAQ named", self.exactly()),
            fact("commands/s", out::grouped(self.rate_per_s as u64)),
            fact("durability", self.durability.clone()),
            fact("in flight", out::grouped(self.in_flight.into())),
        ]);
        for (name, value) in Percentiles::NAMES.into_iter().zip(self.latency_us.in_order()) {
            facts.push(fact(&format!("  {name} µs"), micros(value)));
        }
        facts.push(fact("position", self.position.to_string()));
        facts.push(fact("digest", self.digest.clone()));
        facts
    }

    fn exactly(&self) -> String {
        let share = match self.executions_compared {
            0 => 0.0,
            compared => self.executions_exact as f64 / compared as f64,
        };
        format!("{} ({:.2} %)", out::grouped(self.executions_exact), share * 100.0)
    }
}
