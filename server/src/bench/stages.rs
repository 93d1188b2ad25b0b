//! Where the time of a command goes, on average, stage by stage.

use hdrhistogram::Histogram;
use hotledger::Stats;
use serde::{Serialize, Serializer};

use super::slice::Tally;
use crate::latency::micros;

/// Mean microseconds of each stage, in the order a command goes through them.
///
/// Means add up where percentiles do not: together they are the mean latency.
#[derive(Debug, PartialEq)]
pub(super) struct Stages(Vec<(&'static str, f64)>);

/// What the engine's own figures said before it was measured.
pub(super) struct Before {
    write_ns: Histogram<u64>,
}

impl Before {
    /// They say this.
    pub(super) fn of(stats: Stats) -> Self {
        Self { write_ns: stats.write_ns }
    }

    /// How long writes have taken since, in microseconds; zero if there was none.
    pub(super) fn write_us(self, mut after: Stats) -> f64 {
        let since = after.write_ns.subtract(&self.write_ns);
        since.expect("counts only grow");
        after.write_ns.mean() / 1e3
    }
}

impl Stages {
    /// Of commands that were counted so, whose batches took so long to be written.
    pub(super) fn of(tally: &Tally, write_us: f64) -> Self {
        let latency_us = tally.latency_ns.mean() / 1e3;
        let service_us = match tally.service_ns.is_empty() {
            true => latency_us,
            false => tally.service_ns.mean() / 1e3,
        };
        Self::split(latency_us, service_us, write_us)
    }

    fn split(latency_us: f64, service_us: f64, write_us: f64) -> Self {
        // A batch takes no longer than the commands in it; with few of them means may cross.
        let service_us = service_us.min(latency_us);
        let write_us = write_us.min(service_us);
        Self(vec![
            ("waits to be sent", latency_us - service_us),
            ("mailbox, decide, encode, answer", service_us - write_us),
            ("write and sync", write_us),
        ])
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    /// Their times.
    pub(super) fn times_us(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|(_, time_us)| *time_us)
    }

    /// As a sum.
    pub(super) fn in_words(&self) -> String {
        let parts: Vec<_> = (self.0.iter())
            .filter(|(_, time_us)| *time_us > 0.0)
            .map(|(name, time_us)| format!("{} µs {name}", micros(*time_us)))
            .collect();
        format!("mean {} µs = {}", micros(self.times_us().sum()), parts.join(" + "))
    }
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = |time_us: f64| (time_us * 1e3).round() / 1e3;
        let key = |name: &str| name.replace(", ", "_").replace(' ', "_");
        serializer.collect_map(self.0.iter().map(|(name, time_us)| (key(name), rounded(*time_us))))
    }
}

#[cfg(test)]
mod tests {
    use super::Stages;

    #[test]
    fn stages_add_up_to_the_latency() {
        let stages = Stages::split(100.0, 90.0, 75.0);
        assert_eq!(stages.times_us().collect::<Vec<_>>(), [10.0, 15.0, 75.0]);
        assert!(stages.in_words().starts_with("mean 100.0 µs = 10.0 µs waits to be sent + "));
        let crossed = Stages::split(100.0, 100.0, 101.0);
        assert_eq!(crossed.in_words(), "mean 100.0 µs = 100.0 µs write and sync");
    }
}
