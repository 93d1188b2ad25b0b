//! How latency went over time: percentiles of one short stretch after the other.

use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency told apart: one minute.
pub(super) const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// One stretch.
const STRETCH: Duration = Duration::from_millis(50);

/// Latency of one stretch, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Moment {
    /// When it ended, in seconds of measured time.
    pub(super) at_s: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

/// Latency over time.
pub(super) struct Course {
    moments: Vec<Moment>,
    begun: Option<Instant>,
    /// Whole stretches since then.
    stretches: u32,
    stretch: Histogram<u64>,
}

impl Course {
    /// Nothing yet.
    pub(super) fn new() -> anyhow::Result<Self> {
        let stretch = Histogram::new_with_bounds(1, LATENCY_NS_MAX, 2);
        let stretch = stretch.context("cannot make a histogram")?;
        Ok(Self { moments: Vec::new(), begun: None, stretches: 0, stretch })
    }

    /// Counts commands that are answered now.
    pub(super) fn record(&mut self, now: Instant, latency_ns: u64, commands: u64) {
        let begun = *self.begun.get_or_insert(now);
        if now - begun >= STRETCH * (self.stretches + 1) {
            self.end();
            self.stretches = ((now - begun).as_nanos() / STRETCH.as_nanos()) as u32;
        }
        self.stretch.saturating_record_n(latency_ns, commands);
    }

    /// Ends the stretch that is under way.
    pub(super) fn end(&mut self) {
        if !self.stretch.is_empty() {
            let micros = |nanos: u64| nanos as f64 / 1e3;
            self.moments.push(Moment {
                at_s: (STRETCH * (self.stretches + 1)).as_secs_f64(),
                p50: micros(self.stretch.value_at_quantile(0.5)),
                p99: micros(self.stretch.value_at_quantile(0.99)),
                max: micros(self.stretch.max()),
            });
            self.stretch.reset();
        }
    }

    /// Adds what came after so much time.
    pub(super) fn append(&mut self, before: Duration, later: &Self) {
        let later = later.moments.iter();
        let shifted =
            |moment: &Moment| Moment { at_s: moment.at_s + before.as_secs_f64(), ..*moment };
        self.moments.extend(later.map(shifted));
    }

    /// One stretch after the other.
    pub(super) fn moments(&self) -> &[Moment] {
        &self.moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stretch_has_its_own_percentiles() {
        let (mut course, begun) = (Course::new().unwrap(), Instant::now());
        for (millis, micros) in [(0, 10), (10, 20), (49, 30), (50, 5_000), (260, 7)] {
            course.record(begun + Duration::from_millis(millis), micros * 1_000, 1);
        }
        course.end();
        let mut whole = Course::new().unwrap();
        whole.append(Duration::from_secs(1), &course);
        let seen: Vec<_> =
            whole.moments().iter().map(|moment| (moment.at_s, moment.max.round())).collect();
        let expected = [(1.05, 30.0), (1.1, 5_000.0), (1.3, 7.0)];
        assert!(
            seen.iter().zip(expected).all(|(seen, expected)| {
                (seen.0 - expected.0).abs() < 1e-9 && (seen.1 / expected.1 - 1.0).abs() < 0.02
            }),
            "{seen:?}"
        );
        assert_eq!(seen.len(), 3);
    }
}
