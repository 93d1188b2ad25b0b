//! What made the slowest commands slow, as it is reported.

use std::collections::BTreeMap;

use hotledger::Position;
use serde::{Serialize, Serializer};

use super::cause::Cause;
use super::follow::Slow;
use super::journey::STAGES;
use super::stages;
use crate::latency::micros;
use crate::out;

/// The slowest ones, slowest first.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Slowest(Vec<Line>);

/// One of them; times in microseconds.
#[derive(Serialize)]
struct Line {
    #[serde(serialize_with = "named")]
    cause: Cause,
    latency_us: f64,
    position: Position,
    #[serde(serialize_with = "keyed")]
    stages_us: [f64; STAGES.len()],
    /// What the disk took for its own batch, and at most for one before it.
    write_us: f64,
    write_before_us: f64,
    /// How long nobody did what was next.
    idle_us: f64,
}

/// One of the causes, and what it made slow.
pub(super) struct Share {
    pub(super) cause: &'static str,
    pub(super) count: usize,
    pub(super) of: usize,
    /// The slowest of them.
    pub(super) example: String,
}

impl Slowest {
    /// Of these.
    pub(super) fn of(slowest: &[Slow]) -> Self {
        Self(slowest.iter().map(Line::of).collect())
    }

    /// Each cause that there was, the most frequent first.
    pub(super) fn shares(&self) -> Vec<Share> {
        let mut causes: BTreeMap<Cause, Vec<&Line>> = BTreeMap::new();
        self.0.iter().for_each(|line| causes.entry(line.cause).or_default().push(line));
        let share = |(cause, lines): (Cause, Vec<&Line>)| Share {
            cause: cause.name(),
            count: lines.len(),
            of: self.0.len(),
            example: lines[0].in_words(),
        };
        let mut shares: Vec<_> = causes.into_iter().map(share).collect();
        shares.sort_by_key(|share| std::cmp::Reverse(share.count));
        shares
    }
}

impl Line {
    fn of(slow: &Slow) -> Self {
        let us = |time: std::time::Duration| stages::micros(time.as_secs_f64());
        let Slow { position, journey, facts, cause } = slow;
        Self {
            cause: *cause,
            latency_us: us(facts.latency),
            position: *position,
            stages_us: journey.stages.map(us),
            write_us: us(facts.write),
            write_before_us: us(facts.write_before),
            idle_us: us(facts.idle),
        }
    }

    fn in_words(&self) -> String {
        let stages = STAGES.iter().zip(self.stages_us);
        let parts: Vec<_> = stages
            .filter(|(_, time)| time * 100.0 >= self.latency_us)
            .map(|((name, _), time)| format!("{} {name}", micros(time)))
            .collect();
        let before = match self.cause {
            Cause::BehindASlowWrite => {
                format!("; a write before it took {}", micros(self.write_before_us))
            }
            _ => String::new(),
        };
        format!(
            "{} µs at {}: {}{before}",
            micros(self.latency_us),
            out::grouped(self.position.events() - 1),
            parts.join(" + ")
        )
    }
}

fn named<S: Serializer>(cause: &Cause, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(cause.name())
}

fn keyed<S: Serializer>(times: &[f64; STAGES.len()], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(STAGES.iter().map(|(_, key)| *key).zip(times))
}
