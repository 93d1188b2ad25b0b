//! The way of one command, cut into stages that add up to its latency.

use std::time::Duration;

use super::batch::Batch;
use super::sample::Sample;

/// The stages in the order a command goes through them, as people and as scripts call them.
pub(super) const STAGES: [(&str, &str); 5] = [
    ("to be sent", "to_be_sent"),
    ("mailbox", "mailbox"),
    ("batch", "batch"),
    ("write and sync", "write_and_sync"),
    ("answer", "answer"),
];

/// How long one command was in each stage.
#[derive(Debug, Clone)]
pub(super) struct Journey {
    /// From when it was due to sent, the batch open, handed to the disk, durable, answered. A
    /// batch that is open already waits for nobody.
    pub(super) stages: [Duration; STAGES.len()],
    /// Of its time in the batch, as far as the first command there tells.
    pub(super) decide: Duration,
    pub(super) encode: Duration,
}

impl Journey {
    /// Of a command in this batch.
    pub(super) fn of(sample: &Sample, batch: &Batch) -> Self {
        let Batch { opened, submitted, written, .. } = *batch;
        let mut at = sample.due;
        let stages = [sample.sent, opened, submitted, written, sample.answered].map(|end| {
            // The client and the writer look at the clock in an order of their own.
            let end = end.min(sample.answered).max(at);
            end - std::mem::replace(&mut at, end)
        });
        let decide = batch.decide.min(stages[2]);
        Self { stages, decide, encode: batch.encode.min(stages[2] - decide) }
    }

    /// All of it.
    pub(super) fn latency(&self) -> Duration {
        self.stages.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hotledger::Position;

    use super::*;
    use crate::bench::batch::made_up::batch;

    /// Due, sent and answered after so many microseconds; in a batch from 20 to 25 to 125.
    fn stages([due, sent, answered]: [u64; 3]) -> [u64; 7] {
        let zero = Instant::now();
        let [due, sent, answered] =
            [due, sent, answered].map(|micros| zero + Duration::from_micros(micros));
        let sample = Sample { due, sent, answered, position: Position::after(1) };
        let journey = Journey::of(&sample, &batch(zero, (0, 4), 20, 100));
        assert_eq!(journey.latency(), sample.latency(), "they add up");
        let [a, b, c, d, e] = journey.stages;
        [a, b, c, d, e, journey.decide, journey.encode].map(|stage| stage.as_micros() as u64)
    }

    #[test]
    fn stages_add_up_whatever_the_batch_did_before_the_command_came() {
        assert_eq!(stages([0, 10, 130]), [10, 10, 5, 100, 5, 1, 2]);
        assert_eq!(stages([22, 22, 130]), [0, 0, 3, 100, 5, 1, 2], "it was open");
        assert_eq!(stages([24, 24, 130]), [0, 0, 1, 100, 5, 1, 0], "it was nearly full");
        assert_eq!(stages([0, 0, 125]), [0, 20, 5, 100, 0, 1, 2]);
    }
}
