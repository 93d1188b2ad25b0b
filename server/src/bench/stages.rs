//! Where the time of a command goes, stage by stage, over many that were followed.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::journey::{Journey, STAGES};

/// Medians and means over the same commands. Means add up, medians do not.
pub(super) struct Stages {
    /// How many commands it was.
    pub(super) samples: usize,
    pub(super) latency: Figure,
    /// In the order of [`STAGES`]; the means are together that of the latency.
    pub(super) stages: [Figure; STAGES.len()],
    /// Of the time in the batch: deciding, and encoding, one command.
    pub(super) decide: Figure,
    pub(super) encode: Figure,
}

/// Microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) mean: f64,
    pub(super) p50: f64,
}

impl Stages {
    /// Of these.
    pub(super) fn of(journeys: &[Journey]) -> Self {
        let figure = |of: &dyn Fn(&Journey) -> Duration| Figure::of(journeys.iter().map(of));
        Self {
            samples: journeys.len(),
            latency: figure(&Journey::latency),
            stages: std::array::from_fn(|stage| figure(&|journey| journey.stages[stage])),
            decide: figure(&|journey| journey.decide),
            encode: figure(&|journey| journey.encode),
        }
    }

    /// Names and figures in the order a command goes through them; `decide` and `encode` are part
    /// of the time in the batch.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&'static str, Figure)> {
        let stages = STAGES.iter().map(|(name, _)| *name).zip(self.stages);
        let parts = [("batch: decide", self.decide), ("batch: encode", self.encode)];
        stages.chain(parts)
    }

    /// The means, divided as far as they can be and still add up.
    pub(super) fn parts(&self) -> [(&'static str, f64); STAGES.len() + 2] {
        let [to_be_sent, mailbox, batch, write, answer] = self.stages.map(|stage| stage.mean);
        let (decide, encode) = (self.decide.mean, self.encode.mean);
        [
            ("to be sent", to_be_sent),
            ("mailbox", mailbox),
            ("decide", decide),
            ("encode", encode),
            ("others in the batch", (batch - decide - encode).max(0.0)),
            ("write and sync", write),
            ("answer", answer),
        ]
    }
}

impl Figure {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        let Some(p50) = times.get(times.len() / 2) else { return Self::default() };
        let mean = times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64;
        Self { mean: micros(mean), p50: micros(p50.as_secs_f64()) }
    }
}

/// Seconds as microseconds, to the nanosecond.
pub(super) fn micros(seconds: f64) -> f64 {
    (seconds * 1e9).round() / 1e3
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry {
            Count(usize),
            Figure(Figure),
        }
        let keys = STAGES.iter().map(|(_, key)| *key);
        let stages = keys.zip(self.stages.map(Entry::Figure));
        let parts = [
            ("batch_decide", Entry::Figure(self.decide)),
            ("batch_encode", Entry::Figure(self.encode)),
        ];
        let whole =
            [("samples", Entry::Count(self.samples)), ("latency", Entry::Figure(self.latency))];
        serializer.collect_map(whole.into_iter().chain(stages).chain(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_the_stages_add_up_to_that_of_the_latency() {
        let journey = |n: u64| Journey {
            stages: [0, 3 * n, 5, 100 * n * n, 1].map(Duration::from_micros),
            decide: Duration::from_micros(1),
            encode: Duration::from_micros(2),
        };
        let stages = Stages::of(&[1, 2, 3].map(journey));
        assert_eq!(stages.latency, Figure { mean: 478.667, p50: 412.0 });
        assert_eq!(stages.stages[3], Figure { mean: 466.667, p50: 400.0 });
        let sum: f64 = stages.stages.iter().map(|stage| stage.mean).sum();
        assert!((sum - stages.latency.mean).abs() < 0.01);
        let sum: f64 = stages.parts().iter().map(|(_, mean)| mean).sum();
        assert!((sum - stages.latency.mean).abs() < 0.01);
        let json = serde_json::to_value(&stages).unwrap();
        assert_eq!((&json["samples"], &json["write_and_sync"]["p50"]), (&3.into(), &400.0.into()));
        assert_eq!(Stages::of(&[]).latency, Figure::default());
    }
}
