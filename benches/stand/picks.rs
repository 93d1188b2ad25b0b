//! Random numbers, the same ones in every run, at some two nanoseconds each.

/// Picks numbers below a bound.
pub struct Picks {
    state: u64,
    below: u64,
}

impl Picks {
    pub fn below(bound: u64) -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15, below: bound }
    }
}

impl Iterator for Picks {
    type Item = u64;

    /// xorshift64, cut to the bound by its upper bits. It never ends.
    #[inline]
    fn next(&mut self) -> Option<u64> {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        Some(((u128::from(self.state) * u128::from(self.below)) >> 64) as u64)
    }
}
