//! Latency as it is reported: percentiles in microseconds.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::out;

/// Latency in microseconds.
#[derive(Debug, Serialize, Clone, Copy)]
pub(crate) struct Percentiles {
    /// The median.
    pub(crate) p50: f64,
    p90: f64,
    /// One in a hundred takes longer.
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

impl Percentiles {
    /// Of a histogram of nanoseconds.
    pub(crate) fn of(latency_ns: &Histogram<u64>) -> Self {
        let at = |percentile| latency_ns.value_at_percentile(percentile) as f64 / 1e3;
        Self {
            p50: at(50.0),
            p90: at(90.0),
            p99: at(99.0),
            p999: at(99.9),
            max: latency_ns.max() as f64 / 1e3,
        }
    }

    /// The names of the columns.
    pub(crate) const NAMES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

    /// The figures under those names.
    pub(crate) fn in_order(&self) -> [f64; 5] {
        [self.p50, self.p90, self.p99, self.p999, self.max]
    }
}

/// Microseconds, with as many digits as mean something.
pub(crate) fn micros(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 1_000.0 => format!("{value:.1}"),
        value => out::grouped(value as u64),
    }
}
