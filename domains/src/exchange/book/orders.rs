//! The resting orders of a book: found by id, linked into queues, their memory reused.

use std::collections::hash_map::Entry;

use foldhash::HashMap;

use crate::exchange::{OrderId, Price, Side, Size};

/// An order that rests in a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Its id.
    pub order: OrderId,
    /// Its side.
    pub side: Side,
    /// Its price.
    pub price: Price,
    /// What is left of it.
    pub size: Size,
}

/// Where an order is kept for as long as it rests.
pub(super) type Slot = u32;

/// The slot of no order: the end of a queue.
pub(super) const NONE: Slot = Slot::MAX;

/// All resting orders. Slots of orders that are gone are given out again, the last one first; no
/// one outside can tell which slot an order has.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    slots: Vec<Linked>,
    free: Vec<Slot>,
    /// Only ever asked for one id: its own order, which is random, never shows.
    by_id: HashMap<OrderId, Slot>,
}

/// An order and its neighbours in the queue at its price.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    pub(super) resting: Resting,
    pub(super) before: Slot,
    pub(super) after: Slot,
}

impl Orders {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn find(&self, order: OrderId) -> Option<Slot> {
        self.by_id.get(&order).copied()
    }

    pub(super) fn get(&self, slot: Slot) -> &Linked {
        &self.slots[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Linked {
        &mut self.slots[slot as usize]
    }

    /// Keeps an order, which comes after `before` and last in its queue.
    pub(super) fn insert(&mut self, resting: Resting, before: Slot) -> Slot {
        let linked = Linked { resting, before, after: NONE };
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = linked;
            slot
        } else {
            self.slots.push(linked);
            (self.slots.len() - 1) as Slot
        };
        let earlier = self.by_id.insert(resting.order, slot);
        assert!(earlier.is_none(), "order {} rests already", resting.order);
        slot
    }

    /// An order as it is before so much of it is taken away. Of what is taken whole the id is
    /// forgotten; its slot says what it did until the next order is put there, and the caller
    /// takes it out of its queue before.
    pub(super) fn take(&mut self, order: OrderId, size: Size) -> (Slot, Resting) {
        let Entry::Occupied(entry) = self.by_id.entry(order) else {
            panic!("the event names order {order}, which does not rest");
        };
        let slot = *entry.get();
        let resting = self.slots[slot as usize].resting;
        let left = resting.size;
        assert!(size <= left, "order {order} holds {left}, less than {size}");
        if size == left {
            entry.remove();
            self.free.push(slot);
        }
        (slot, resting)
    }
}
