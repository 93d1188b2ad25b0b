//! The record that every store is given: a key and a deposit of 128 bytes.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// Bytes of every payload.
pub(crate) const PAYLOAD_BYTES: usize = 128;

/// Bytes of a record on its way from a child: key, length, payload.
const HEAD_BYTES: usize = 12;

/// Stands behind the last record, so that a child that ended half-way is not believed.
const END: &[u8; 8] = b"all read";

/// What was appended, or what a store gave back for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) key: u64,
    pub(crate) payload: Vec<u8>,
}

impl Record {
    /// The one record of a key. Its text differs from that of every other, so that a payload that
    /// comes back under another key is seen.
    pub(crate) fn of(key: u64) -> Self {
        let mut payload = format!("deposit {key} into account {}: ", key % 100);
        let mut dice = Dice::new(&[key]);
        while payload.len() < PAYLOAD_BYTES {
            payload.push(char::from(b'a' + dice.below(26) as u8));
        }
        Self { key, payload: payload.into_bytes() }
    }
}

/// Records as a child hands them over, whatever is in their payloads.
pub(crate) fn encode(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(records.len() * (HEAD_BYTES + PAYLOAD_BYTES) + END.len());
    for record in records {
        let length = u32::try_from(record.payload.len()).expect("a payload of less than 4 GiB");
        bytes.extend(record.key.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(&record.payload);
    }
    bytes.extend(END);
    bytes
}

/// What `encode` made.
///
/// # Errors
/// The bytes are cut, or followed by others.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Record>> {
    let mut rest = bytes;
    let mut records = Vec::new();
    while rest != END {
        ensure!(rest.len() > HEAD_BYTES + END.len(), "the child's records are cut");
        let (key, after) = rest.split_at(8);
        let (length, after) = after.split_at(4);
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        ensure!(after.len() >= length + END.len(), "the child's records are cut");
        let (payload, after) = after.split_at(length);
        let key = u64::from_le_bytes(key.try_into().expect("eight bytes"));
        records.push(Record { key, payload: payload.to_vec() });
        rest = after;
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_whatever_is_in_them() {
        let odd = [
            Record { key: 0, payload: vec![] },
            Record { key: u64::MAX, payload: END.to_vec() },
            Record::of(7),
        ];
        assert_eq!(decode(&encode(&odd)).expect("whole"), odd);
        assert_eq!(decode(&encode(&[])).expect("whole"), []);
    }

    #[test]
    fn a_child_that_ended_half_way_is_not_believed() {
        let whole = encode(&[Record::of(1), Record::of(2)]);
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn every_record_is_as_long_and_like_no_other() {
        let payloads: std::collections::BTreeSet<_> =
            (0..1000).map(|key| Record::of(key).payload).collect();
        assert_eq!(payloads.len(), 1000);
        assert!(payloads.iter().all(|payload| payload.len() == PAYLOAD_BYTES));
    }
}
