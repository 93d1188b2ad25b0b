//! When commands arrived at an engine, as its journal has it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use hotledger_journal::{Disk, FileDisk, Recovery};

use crate::out;

/// No more entries are taken from a journal: 400 MB of times.
const ARRIVALS_MAX: usize = 50_000_000;

/// The times of the entries of a journal, which come round again at their end.
pub(super) struct Arrivals {
    /// Nanoseconds from the first one, growing.
    times_ns: Vec<u64>,
    /// From the first one to the first one of the next round: one mean gap after the last.
    round_ns: u64,
}

impl Arrivals {
    /// Reads the journal in this directory. It is not changed.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Self> {
        let failed = || format!("cannot take arrivals from {}", directory.display());
        let disk: Arc<dyn Disk> =
            Arc::new(FileDisk::open_existing(directory).with_context(failed)?);
        let recovery = Recovery::begin_read_only(disk).with_context(failed)?;
        let mut reader = recovery.reader_at(None).with_context(failed)?;
        let mut times = Vec::new();
        while times.len() < ARRIVALS_MAX
            && let Some(batch) = reader.next().with_context(failed)?
        {
            for entry in batch.entries() {
                times.push(entry.with_context(failed)?.time());
            }
        }
        Self::of(&times).with_context(failed)
    }

    /// Of times in nanoseconds, which never go back.
    pub(super) fn of(times: &[i64]) -> anyhow::Result<Self> {
        let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied());
        let length_ns = last.unwrap_or(0).saturating_sub(first);
        ensure!(length_ns > 0, "there are no two entries with different times");
        let times_ns: Vec<u64> =
            times.iter().map(|time| time.saturating_sub(first) as u64).collect();
        let length_ns = length_ns as u64;
        let gap_ns = (length_ns / (times_ns.len() as u64 - 1)).max(1);
        Ok(Self { times_ns, round_ns: length_ns + gap_ns })
    }

    /// How many there are in a round.
    pub(super) fn len(&self) -> usize {
        self.times_ns.len()
    }

    /// How many seconds a round takes.
    pub(super) fn seconds(&self) -> f64 {
        self.round_ns as f64 / 1e9
    }

    /// How many there are, and over what time.
    pub(super) fn in_words(&self) -> String {
        format!(
            "{} recorded in {:.3} s, and over again; commands of one turn of the recorded writer \
             share its time",
            out::grouped(self.len() as u64),
            self.seconds(),
        )
    }

    /// The mean rate.
    pub(super) fn per_s(&self) -> f64 {
        self.len() as f64 / self.seconds()
    }

    /// Number and time of those within this range of nanoseconds.
    pub(super) fn within(&self, range_ns: Range<u64>) -> impl Iterator<Item = (u64, u64)> {
        let Range { start, end } = range_ns;
        let rounds = start / self.round_ns..=end / self.round_ns;
        rounds.flat_map(move |round| {
            let begun_ns = round * self.round_ns;
            let skipped = self.times_ns.partition_point(|time_ns| begun_ns + time_ns < start);
            let numbers = round * self.len() as u64 + skipped as u64..;
            let times = self.times_ns[skipped..].iter().map(move |time_ns| begun_ns + time_ns);
            numbers.zip(times).take_while(move |(_, time_ns)| *time_ns < end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_one_mean_gap_longer_than_from_first_to_last() {
        let arrivals = Arrivals::of(&[1_000, 1_500, 5_000]).unwrap();
        assert_eq!((arrivals.len(), arrivals.round_ns), (3, 6_000));
        let seen: Vec<_> = arrivals.within(400..10_000).collect();
        assert_eq!(seen, [(1, 500), (2, 4_000), (3, 6_000), (4, 6_500)]);
        assert_eq!(arrivals.within(6_000..6_001).collect::<Vec<_>>(), [(3, 6_000)]);
    }

    #[test]
    fn what_has_no_gap_is_no_pattern() {
        for times in [&[][..], &[5], &[5, 5, 5]] {
            assert!(Arrivals::of(times).is_err(), "{times:?}");
        }
    }
}
