//! Where each key stands in the order of the window: a table of eight bytes a key.

use crate::prefetch::prefetch;

/// Numbers by tag, in one array with open addressing, linear probing and deletion by shifting back
/// (Knuth, The Art of Computer Programming, volume 3, 6.4, algorithms L and R).
///
/// A key costs one line of memory to look up, to add and to take out, where a table with control
/// bytes beside its entries costs two; keys come in no order, so each of them is a wait. At most
/// half of the slots are taken: a probe ends within two or three of them.
pub(super) struct Places {
    /// Tag and number; 0 is free, and no tag is.
    slots: Box<[u64]>,
    taken: usize,
}

/// Half of a hash, never 0: what a key is looked up with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tag(u32);

impl Tag {
    #[inline]
    pub(super) fn of(hash: u64) -> Self {
        Self((hash >> 32) as u32 | 1)
    }
}

/// The fewest slots there are.
const SLOTS_MIN: usize = 16;

impl Places {
    /// An empty table that holds nothing yet, and has no memory.
    pub(super) fn new() -> Self {
        Self { slots: Box::default(), taken: 0 }
    }

    /// Makes room for so many keys; memory is touched as they come.
    pub(super) fn reserve(&mut self, keys: usize) {
        let slots = (2 * keys).next_power_of_two().max(SLOTS_MIN);
        if slots <= self.slots.len() {
            return;
        }
        let held = std::mem::replace(&mut self.slots, vec![0; slots].into_boxed_slice());
        self.taken = 0;
        for slot in held.into_iter().filter(|slot| *slot != 0) {
            self.insert(tag_of(slot), slot as u32);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// Bytes of the table.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// Has the slots of a tag fetched: that which it would lie in if it were alone, and those
    /// behind it that a probe goes through, which may lie in the next line.
    #[inline]
    pub(super) fn foresee(&self, tag: Tag) {
        let home = self.home(tag);
        for slot in [home, home + 4] {
            self.slots.get(slot).into_iter().for_each(prefetch);
        }
    }

    /// The number with this tag that it is.
    #[inline]
    pub(super) fn find(&self, tag: Tag, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        Some(self.slots[self.find_slot(tag, is_it)?] as u32)
    }

    /// Puts another number in the place of one that is there.
    #[inline]
    pub(super) fn replace(&mut self, tag: Tag, is_it: impl Fn(u32) -> bool, number: u32) -> bool {
        let found = self.find_slot(tag, is_it);
        if let Some(at) = found {
            self.slots[at] = slot_of(tag, number);
        }
        found.is_some()
    }

    /// Adds a number; its tag may be there already, for another key.
    #[inline]
    pub(super) fn insert(&mut self, tag: Tag, number: u32) {
        if 2 * (self.taken + 1) > self.slots.len() {
            self.reserve(self.taken + 1);
        }
        let mut at = self.home(tag);
        while self.slots[at] != 0 {
            at = self.after(at);
        }
        self.slots[at] = slot_of(tag, number);
        self.taken += 1;
    }

    /// Takes out this very number; whether it was there.
    pub(super) fn remove(&mut self, tag: Tag, number: u32) -> bool {
        let Some(mut hole) = self.find_slot(tag, |held| held == number) else { return false };
        let mut at = hole;
        loop {
            at = self.after(at);
            let slot = self.slots[at];
            if slot == 0 {
                break;
            }
            // It may move back as far as its home, which lies at or before the hole.
            if self.distance(self.home(tag_of(slot)), at) >= self.distance(hole, at) {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = 0;
        self.taken -= 1;
        true
    }

    #[inline]
    fn find_slot(&self, tag: Tag, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.home(tag);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if tag_of(slot) == tag && is_it(slot as u32) {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    /// Where a tag would lie if it were alone: its highest bits.
    #[inline]
    fn home(&self, tag: Tag) -> usize {
        ((u64::from(tag.0) * self.slots.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    /// How many slots on `to` lies, around the end of the array if need be.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.slots.len() - 1)
    }
}

#[inline]
fn slot_of(tag: Tag, number: u32) -> u64 {
    u64::from(tag.0) << 32 | u64::from(number)
}

#[inline]
fn tag_of(slot: u64) -> Tag {
    Tag((slot >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few tags, at both ends of the array, so that they collide and go around.
    fn any_tag() -> impl Strategy<Value = Tag> {
        (0_u64..4, any::<bool>()).prop_map(|(low, at_the_end)| {
            let high = if at_the_end { 0xffff_fff0 } else { 0 };
            Tag::of((high + 2 * low) << 32)
        })
    }

    #[derive(Clone, Debug)]
    enum Change {
        Insert(Tag),
        Remove(prop::sample::Index),
        Replace(prop::sample::Index),
    }

    fn any_change() -> impl Strategy<Value = Change> {
        prop_oneof![
            3 => any_tag().prop_map(Change::Insert),
            2 => any::<prop::sample::Index>().prop_map(Change::Remove),
            1 => any::<prop::sample::Index>().prop_map(Change::Replace),
        ]
    }

    proptest! {
        #[test]
        fn what_was_put_in_is_found_until_it_is_taken_out(
            room in 0_usize..40,
            changes in prop::collection::vec(any_change(), 0..200),
        ) {
            let (mut places, mut model) = (Places::new(), Vec::new());
            places.reserve(room);
            for (number, change) in (0..).zip(changes) {
                match change {
                    Change::Insert(tag) => {
                        places.insert(tag, number);
                        model.push((tag, number));
                    }
                    Change::Remove(of) if !model.is_empty() => {
                        let (tag, gone) = model.swap_remove(of.index(model.len()));
                        prop_assert!(places.remove(tag, gone));
                        prop_assert!(!places.remove(tag, gone));
                    }
                    Change::Replace(of) if !model.is_empty() => {
                        let (tag, held) = &mut model[of.index(places.len())];
                        prop_assert!(places.replace(*tag, |number| number == *held, number));
                        *held = number;
                    }
                    _ => {}
                }
                prop_assert_eq!(places.len(), model.len());
                for (tag, number) in &model {
                    let found = places.find(*tag, |held| held == *number);
                    prop_assert_eq!(found, Some(*number));
                }
            }
        }
    }
}
