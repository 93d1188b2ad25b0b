//! Numbers that look random and are the same for the same seed, in every version for ever.

/// A generator of numbers: splitmix64, fixed here so that a seed means the same run for ever.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Dice that fall as this seed says.
    pub fn new(seed: u64) -> Dice {
        Dice { state: seed }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below a bound, 0 where the bound is 0. Slightly uneven for huge bounds.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.number()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// True so many times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// True half of the time.
    pub fn coin(&mut self) -> bool {
        self.number() >> 63 == 1
    }

    /// Dice of their own that fall independently of these.
    pub fn split(&mut self) -> Dice {
        Dice::new(self.number())
    }
}

/// Spreads every bit of a number over all of them.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_numbers_for_ever() {
        let mut dice = Dice::new(1_234_567);
        let numbers: Vec<_> = (0..3).map(|_| dice.number()).collect();
        // The published test vector of splitmix64.
        let published =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(numbers, published);
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        let mut dice = Dice::new(5);
        let mut seen = [0; 3];
        for _ in 0..300 {
            seen[dice.below(3) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 60), "{seen:?}");
        assert_eq!(dice.below(0), 0);
        assert!((0..100).all(|_| !dice.chance(0) && dice.chance(1000)));
        assert!((0..100).any(|_| dice.coin()));
        assert_ne!(dice.split().number(), dice.split().number());
    }
}
