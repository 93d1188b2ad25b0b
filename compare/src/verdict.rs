//! What a store made of the harm that was done to it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::process::Answer;
use crate::record::Record;

/// How one trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Every acknowledged record came back as it was.
    Identical,
    /// The store answered with an error.
    Refused,
    /// A thread panicked, or a signal ended the process.
    Crashed,
    /// It did not end in time.
    Hung,
    /// It opened, gave no error, and acknowledged records were missing or changed.
    Silent,
}

/// One trial: what was done, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// Acknowledged records that did not come back.
    pub(crate) missing: usize,
    /// Records that came back other than they were, twice, or out of nowhere.
    pub(crate) changed: usize,
    /// The error, or the panic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) said: String,
}

impl Verdict {
    /// Holds an answer against the keys that were acknowledged. A record that was on its way when
    /// its writer was killed may be there or not, but whole.
    pub(crate) fn of(answer: Answer, acknowledged: &[u64], on_its_way: Option<u64>) -> Self {
        let failed = |outcome, said| Self { outcome, missing: 0, changed: 0, said };
        match answer {
            Answer::Records(records) => Self::compare(&records, acknowledged, on_its_way),
            Answer::Refused(said) => failed(Outcome::Refused, said),
            Answer::Crashed(said) => failed(Outcome::Crashed, said),
            Answer::Hung => failed(Outcome::Hung, String::new()),
        }
    }

    fn compare(records: &[Record], acknowledged: &[u64], on_its_way: Option<u64>) -> Self {
        let mut awaited: BTreeMap<u64, bool> =
            acknowledged.iter().map(|key| (*key, true)).collect();
        awaited.extend(on_its_way.map(|key| (key, false)));
        let mut changed = 0;
        for record in records {
            let known = awaited.remove(&record.key).is_some();
            changed += usize::from(!known || *record != Record::of(record.key));
        }
        let missing = awaited.values().filter(|was_acknowledged| **was_acknowledged).count();
        let whole = missing + changed == 0;
        let outcome = if whole { Outcome::Identical } else { Outcome::Silent };
        Self { outcome, missing, changed, said: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(records: Vec<Record>) -> (Outcome, usize, usize) {
        let verdict = Verdict::of(Answer::Records(records), &[1, 2, 3], Some(4));
        (verdict.outcome, verdict.missing, verdict.changed)
    }

    #[test]
    fn all_that_was_acknowledged_and_what_was_on_its_way_may_come_back() {
        assert_eq!(judged([3, 1, 2].map(Record::of).into()), (Outcome::Identical, 0, 0));
        assert_eq!(judged([1, 2, 3, 4].map(Record::of).into()), (Outcome::Identical, 0, 0));
    }

    #[test]
    fn whatever_else_comes_back_is_a_silent_loss() {
        assert_eq!(judged([1, 2].map(Record::of).into()), (Outcome::Silent, 1, 0));
        assert_eq!(judged([1, 2, 3, 5].map(Record::of).into()), (Outcome::Silent, 0, 1));
        assert_eq!(judged([1, 2, 2, 3].map(Record::of).into()), (Outcome::Silent, 0, 1));
        let swapped = Record { key: 2, payload: Record::of(3).payload };
        let records = vec![Record::of(1), swapped, Record::of(3)];
        assert_eq!(judged(records), (Outcome::Silent, 0, 1));
        assert_eq!(judged(vec![]), (Outcome::Silent, 3, 0));
    }
}
