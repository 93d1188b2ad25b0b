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
}

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
        Self { side, levels: Vec::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.levels.len()
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
        match self.levels.last() {
            None => Err(0),
            Some(best) if best.price == price => Ok(self.levels.len() - 1),
            Some(best) if self.side.rank(best.price) < rank => Err(self.levels.len()),
            Some(_) => self.levels.binary_search_by_key(&rank, |level| self.side.rank(level.price)),
        }
    }

    fn index(&self, price: Price) -> usize {
        self.search(price).expect("an order rests at a level")
    }

    /// Puts an order last in the queue at its price.
    pub(super) fn push(&mut self, resting: Resting, orders: &mut Orders) {
        let Resting { price, size, .. } = resting;
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
        let index = self.index(resting.price);
        self.levels[index].total -= by;
    }

    /// Takes an order out of its queue and forgets it; a level without orders goes, too.
    pub(super) fn remove(&mut self, slot: Slot, orders: &mut Orders) {
        let linked = orders.get(slot);
        let (resting, before, after) = (linked.resting, linked.before, linked.after);
        let index = self.index(resting.price);
        let level = &mut self.levels[index];
        level.total -= resting.size;
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
        orders.remove(slot);
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
