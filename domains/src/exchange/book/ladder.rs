//! The price levels of one side of a book, and the queue of orders at each.

use super::orders::{NONE, Orders, Resting, Slot};
use crate::exchange::{Price, Side, Size};

/// The levels of one side in the order of their prices, the best one last.
///
/// Most of what happens, happens near the best price, where a sorted vector is at its best: the
/// level is found at the end, and one that comes or goes moves few others.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    side: Side,
    levels: Vec<Level>,
    /// The sum of all sizes.
    total: u128,
}

/// How many of the best levels are looked at one and all, before any other is searched for. In an
/// hour of Apple's on NASDAQ three of four orders were there, of some hundred levels.
const NEAR: usize = 8;

/// The orders at one price, linked from the first in priority to the last.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) price: Price,
    /// The sum of their sizes.
    pub(super) total: Size,
    first: Slot,
    last: Slot,
}

impl Ladder {
    pub(super) const fn new(side: Side) -> Self {
        Self { side, levels: Vec::new(), total: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.levels.len()
    }

    pub(super) const fn total(&self) -> u128 {
        self.total
    }

    pub(super) fn best(&self) -> Option<&Level> {
        self.levels.last()
    }

    /// The levels, the best one first.
    pub(super) fn levels(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.levels.iter().rev()
    }

    pub(super) fn level(&self, price: Price) -> Option<&Level> {
        self.search(price).ok().map(|index| &self.levels[index])
    }

    /// The index of the level with this price, or the one it would have.
    fn search(&self, price: Price) -> Result<usize, usize> {
        let rank = self.side.rank(price);
        let worse = |level: &Level| self.side.rank(level.price) < rank;
        let index = match self.levels.last_chunk::<NEAR>() {
            // No look depends on the one before, as each step of a binary search does.
            Some(near) if self.side.rank(near[0].price) <= rank => {
                let worse = near.iter().fold(0, |count, level| count + usize::from(worse(level)));
                self.levels.len() - NEAR + worse
            }
            _ => self.levels.partition_point(worse),
        };
        match self.levels.get(index) {
            Some(level) if level.price == price => Ok(index),
            _ => Err(index),
        }
    }

    fn index(&self, price: Price) -> usize {
        self.search(price).expect("an order rests at a level")
    }

    /// Puts an order last in the queue at its price.
    pub(super) fn push(&mut self, resting: Resting, orders: &mut Orders) {
        let Resting { price, size, .. } = resting;
        self.total += u128::from(size);
        match self.search(price) {
            Ok(index) => {
                let level = &mut self.levels[index];
                let slot = orders.insert(resting, level.last);
                orders.get_mut(level.last).after = slot;
                level.last = slot;
                level.total += size;
            }
            Err(index) => {
                let slot = orders.insert(resting, NONE);
                let level = Level { price, total: size, first: slot, last: slot };
                self.levels.insert(index, level);
            }
        }
    }

    /// Makes an order smaller by less than all of it, in its place.
    pub(super) fn shrink(&mut self, slot: Slot, by: Size, orders: &mut Orders) {
        let resting = &mut orders.get_mut(slot).resting;
        resting.size -= by;
        self.total -= u128::from(by);
        let index = self.index(resting.price);
        self.levels[index].total -= by;
    }

    /// Takes an order out of its queue; a level without orders goes, too.
    pub(super) fn remove(&mut self, slot: Slot, orders: &mut Orders) {
        let linked = orders.get(slot);
        let (resting, before, after) = (linked.resting, linked.before, linked.after);
        let index = self.index(resting.price);
        let level = &mut self.levels[index];
        level.total -= resting.size;
        self.total -= u128::from(resting.size);
        match before {
            NONE => level.first = after,
            _ => orders.get_mut(before).after = after,
        }
        match after {
            NONE => level.last = before,
            _ => orders.get_mut(after).before = before,
        }
        if level.first == NONE {
            self.levels.remove(index);
        }
    }
}

impl Level {
    /// The orders at this price, the first in priority first.
    pub(super) fn queue<'a>(&self, orders: &'a Orders) -> impl Iterator<Item = &'a Resting> {
        let linked = move |slot| (slot != NONE).then(|| orders.get(slot));
        std::iter::successors(linked(self.first), move |at| linked(at.after))
            .map(|linked| &linked.resting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_near_and_far_and_so_is_the_place_of_one_that_is_not_there() {
        for side in [Side::Buy, Side::Sell] {
            let (mut ladder, mut orders) = (Ladder::new(side), Orders::default());
            for order in 0..3 * NEAR as u64 {
                let prices: Vec<_> = ladder.levels.iter().map(|level| level.price).collect();
                for price in -100..=100 {
                    let found = prices.iter().position(|&held| held == price);
                    let rank = side.rank(price);
                    let place = prices.iter().filter(|&&held| side.rank(held) < rank).count();
                    assert_eq!(ladder.search(price), found.ok_or(place), "{price} in {prices:?}");
                }
                // Each price comes once, in no order: 7 and 61 have no factor in common.
                let price = (order as Price * 7) % 61 - 30;
                ladder.push(Resting { order, side, price, size: 1 }, &mut orders);
            }
            assert_eq!((ladder.len(), ladder.total()), (3 * NEAR, 3 * NEAR as u128));
        }
    }
}
