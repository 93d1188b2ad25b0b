//! The deposit that every peer is given, with the sum by which it is known again.

/// Bytes of every payload.
pub(crate) const PAYLOAD_BYTES: usize = crate::record::PAYLOAD_BYTES;

/// Accounts that deposits go to, one after the other.
pub(crate) const ACCOUNTS: u64 = 100_000;

/// A payload of its own for each key. It is noise, so that no peer gains by compressing it, and
/// quickly made, because the making is part of what is timed.
#[derive(Clone, Copy)]
pub(crate) struct Deposit {
    pub(crate) key: u64,
    pub(crate) payload: [u8; PAYLOAD_BYTES],
}

impl Deposit {
    pub(crate) fn of(key: u64) -> Self {
        let mut payload = [0; PAYLOAD_BYTES];
        for (word, number) in payload.as_chunks_mut::<8>().0.iter_mut().zip(0..) {
            *word = mixed(key.wrapping_mul(16).wrapping_add(number)).to_le_bytes();
        }
        Self { key, payload }
    }

    /// Where it goes: keys walk over the accounts round by round.
    pub(crate) fn account(&self) -> u64 {
        self.key % ACCOUNTS
    }

    /// How many deposits the account has had before.
    pub(crate) fn version(&self) -> u64 {
        self.key / ACCOUNTS
    }
}

/// How many payloads there are, and the sum of their checksums: the same in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) records: u64,
    pub(crate) sum: u64,
}

impl Checksum {
    /// Of the deposits with the keys below this one.
    pub(crate) fn below(key: u64) -> Self {
        let mut sum = Self::default();
        (0..key).for_each(|key| sum.add(&Deposit::of(key).payload));
        sum
    }

    pub(crate) fn add(&mut self, payload: &[u8]) {
        self.records += 1;
        let length = (payload.len() as u64) << u32::BITS;
        self.sum = self.sum.wrapping_add(length | u64::from(crc32c::crc32c(payload)));
    }
}

/// splitmix64's last step.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_is_like_no_other() {
        let payloads: std::collections::BTreeSet<_> =
            (0..10_000).map(|key| Deposit::of(key).payload).collect();
        assert_eq!(payloads.len(), 10_000);
    }

    #[test]
    fn the_sum_knows_no_order_and_misses_nothing() {
        let whole = Checksum::below(100);
        let mut backwards = Checksum::default();
        (0..100).rev().for_each(|key| backwards.add(&Deposit::of(key).payload));
        assert_eq!(backwards, whole);

        let mut changed = Checksum::below(99);
        let mut payload = Deposit::of(99).payload;
        payload[77] ^= 1;
        changed.add(&payload);
        assert_eq!(changed.records, whole.records);
        assert_ne!(changed.sum, whole.sum);
    }

    #[test]
    fn an_account_has_each_version_once() {
        let deposit = Deposit::of(3 * ACCOUNTS + 7);
        assert_eq!((deposit.account(), deposit.version()), (7, 3));
    }
}
