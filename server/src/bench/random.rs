//! Numbers that look random, the same ones in every run.

/// A sequence of numbers: xorshift64* (Vigna 2016).
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// A sequence of this seed's own.
    pub(super) fn new(seed: u64) -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15 ^ (seed + 1) }
    }

    /// The next number below this, scaled instead of divided.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((u128::from(random) * u128::from(limit)) >> 64) as u64
    }
}
