//! The command keys that were taken up within the window, and what came of each.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hotledger_journal::{Batch, Chain, Entry};

use crate::identity::CommandKey;
use crate::limits::{KEYS_ROOM, KEYS_WINDOW_MAX};
use crate::position::{Position, Version};

use self::places::Places;
pub(crate) use self::places::Tag;

mod places;

/// What a command with this key did, all that its receipt is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) fingerprint: u64,
    /// The batch that holds the entry.
    pub(crate) sequence: u64,
    pub(crate) position: Position,
    pub(crate) events: u32,
    pub(crate) version: Version,
}

/// How a key stands when a command asks for it.
pub(crate) enum Standing {
    /// Never seen within the window.
    Fresh,
    /// This very command was committed before.
    Repeated(Known),
    /// Another command was committed under this key.
    Reused,
}

/// A key in the order of the window.
struct Recorded {
    key: CommandKey,
    known: Known,
}

/// The key window: the newest keys, oldest out first.
///
/// It is hot state: filled by the writer and by replay alike, and part of every snapshot.
pub(crate) struct Keys {
    /// Where each stands in the order: the low half of its number.
    places: Places,
    // `quality`: keys come from outside, and colliding ones must not slow the writer down.
    hasher: RandomState,
    /// What was recorded, oldest first. A key that was recorded again later stands here twice; the
    /// earlier one counts no more.
    order: VecDeque<Recorded>,
    /// The number of the first of them.
    first: u64,
    /// The chain of each batch that holds a key of the window; a receipt repeats it.
    chains: VecDeque<(u64, Chain)>,
    max: usize,
}

impl Keys {
    pub(crate) fn new(max: usize) -> Self {
        assert!(max <= KEYS_WINDOW_MAX, "let `keys_max` be at most {KEYS_WINDOW_MAX}");
        let (places, hasher) = (Places::new(), RandomState::default());
        let (order, chains) = (VecDeque::new(), VecDeque::new());
        Self { places, hasher, order, first: 0, chains, max }
    }

    /// How a key stands, with its [`Keys::tag`]. `is_of_it` is whether a fingerprint that was
    /// recorded is one of the command that comes with it now.
    #[inline]
    pub(crate) fn standing(
        &self,
        key: &CommandKey,
        tag: Tag,
        is_of_it: impl FnOnce(u64) -> bool,
    ) -> Standing {
        match self.get(key, tag) {
            None => Standing::Fresh,
            Some(known) if is_of_it(known.fingerprint) => Standing::Repeated(known.clone()),
            Some(_) => Standing::Reused,
        }
    }

    /// What a key is looked up with, half of its hash: to be taken once.
    #[inline]
    pub(crate) fn tag(&self, key: &CommandKey) -> Tag {
        Tag::of(self.hasher.hash_one(key))
    }

    fn get(&self, key: &CommandKey, tag: Tag) -> Option<&Known> {
        let number = self.places.find(tag, |number| self.recorded(number).key == *key)?;
        Some(&self.recorded(number).known)
    }

    /// What was recorded under this number, of which the low half says enough.
    #[inline]
    fn recorded(&self, number: u32) -> &Recorded {
        &self.order[number.wrapping_sub(self.first as u32) as usize]
    }

    /// Whether what was recorded at this place of the order still counts.
    fn counts(&self, at: usize) -> bool {
        let number = (self.first as u32).wrapping_add(at as u32);
        let tag = self.tag(&self.order[at].key);
        self.places.find(tag, |held| held == number).is_some()
    }

    /// Starts to fetch what recording a key will need, behind so many that are foreseen and not
    /// recorded: its own place, and that of the key that makes room for it. Answers its tag.
    #[inline]
    pub(crate) fn foresee(&self, before: usize, key: &CommandKey) -> Tag {
        let tag = self.tag(key);
        self.places.foresee(tag);
        let forgotten = (self.len() + before).checked_sub(self.max);
        if let Some(oldest) = forgotten.and_then(|at| self.order.get(at)) {
            self.places.foresee(self.tag(&oldest.key));
        }
        tag
    }

    /// Remembers a key with its tag; the oldest makes room. A key that is known already was taken
    /// up again after a smaller window had forgotten it: the later command counts.
    ///
    /// The first one makes room for all that the window may hold, as far as [`KEYS_ROOM`] goes:
    /// a window that grew would keep everybody waiting while its keys are moved.
    #[inline]
    pub(crate) fn record(&mut self, key: CommandKey, tag: Tag, known: Known) {
        if self.max == 0 {
            return;
        }
        if self.order.capacity() == 0 {
            let room = self.max.min(KEYS_ROOM);
            self.order.reserve_exact(room);
            self.places.reserve(room);
        }
        assert!(self.order.len() < u32::MAX as usize, "numbers within the window differ");
        let number = (self.first as u32).wrapping_add(self.order.len() as u32);
        let (order, first) = (&self.order, self.first as u32);
        let is_it = |number: u32| order[number.wrapping_sub(first) as usize].key == key;
        if !self.places.replace(tag, is_it, number) {
            if self.places.len() == self.max {
                self.forget_oldest();
            }
            self.places.insert(tag, number);
        }
        self.order.push_back(Recorded { key, known });
    }

    /// Bytes that the window holds.
    pub(crate) fn bytes(&self) -> usize {
        self.places.bytes()
            + self.order.capacity() * size_of::<Recorded>()
            + self.chains.capacity() * size_of::<(u64, Chain)>()
    }

    /// Remembers the chain of a batch, when one of its entries has a key.
    pub(crate) fn record_chain(&mut self, sequence: u64, chain: Chain) {
        // What was recorded last always counts.
        let newest = self.order.back().map(|newest| &newest.known);
        if newest.is_some_and(|newest| newest.sequence >= sequence) {
            self.chains.push_back((sequence, chain));
        }
    }

    /// The chain of the batch that holds a known key; `None` as long as it is not on disk.
    pub(crate) fn chain_of(&self, sequence: u64) -> Option<Chain> {
        let at = self.chains.binary_search_by_key(&sequence, |(sequence, _)| *sequence).ok()?;
        Some(self.chains[at].1)
    }

    /// Takes up the key of a stored entry, if it has one.
    ///
    /// `last_version` is the version of the entry's last event; an entry without events says the
    /// version beside its key.
    pub(crate) fn replay(&mut self, batch: &Batch, entry: &Entry<'_>, last_version: Option<u64>) {
        let Some(key) = entry.key() else { return };
        let events = entry.event_count();
        let known = Known {
            fingerprint: key.fingerprint,
            sequence: batch.sequence(),
            position: Position::after(entry.first_position() + u64::from(events)),
            events,
            version: Version(last_version.unwrap_or(key.version)),
        };
        let key = CommandKey(key.key);
        self.record(key, self.tag(&key), known);
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Every key, oldest first, as a snapshot stores them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CommandKey, &Known)> {
        let recorded = self.order.iter().enumerate().filter(|(at, _)| self.counts(*at));
        recorded.map(|(_, recorded)| (recorded.key, &recorded.known))
    }

    pub(crate) fn chains(&self) -> impl ExactSizeIterator<Item = (u64, Chain)> {
        self.chains.iter().copied()
    }

    pub(crate) fn restore_chain(&mut self, sequence: u64, chain: Chain) {
        self.chains.push_back((sequence, chain));
    }

    fn forget_oldest(&mut self) {
        let forgotten = loop {
            let number = self.first as u32;
            let Some(oldest) = self.order.pop_front() else { return };
            self.first += 1;
            if self.places.remove(self.tag(&oldest.key), number) {
                break oldest.known;
            }
        };
        // As a rule all that was recorded counts, and nothing has to be looked up for it.
        let all_count = self.order.len() == self.places.len();
        let still_needed = match all_count {
            true => self.order.front().map(|oldest| oldest.known.sequence),
            false => self.iter().next().map(|(_, known)| known.sequence),
        };
        while let Some((sequence, _)) = self.chains.front()
            && *sequence <= forgotten.sequence
            && still_needed.is_none_or(|needed| needed > *sequence)
        {
            self.chains.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(number: u64) -> Known {
        let (position, version) = (Position::after(number), Version(number));
        Known { fingerprint: number, sequence: number, position, events: 1, version }
    }

    fn key(number: u8) -> CommandKey {
        CommandKey([number; 16])
    }

    proptest! {
        #[test]
        fn the_newest_keys_are_known_in_their_order(
            max in 0_usize..20,
            first in prop_oneof![Just(0), u64::from(u32::MAX) - 300..=u64::from(u32::MAX)],
            recorded in prop::collection::vec(0_u8..30, 0..300),
        ) {
            let mut keys = Keys { first, ..Keys::new(max) };
            let mut model: Vec<(CommandKey, Known)> = Vec::new();
            for (number, of) in (1..).zip(recorded) {
                keys.record(key(of), keys.tag(&key(of)), known(number));
                model.retain(|(held, _)| *held != key(of));
                model.push((key(of), known(number)));
                if model.len() > max {
                    model.remove(0);
                }
                prop_assert_eq!(keys.len(), model.len());
                for of in 0..30 {
                    let expected = model.iter().find(|(held, _)| *held == key(of));
                    let found = keys.get(&key(of), keys.tag(&key(of)));
                    prop_assert_eq!(found, expected.map(|(_, known)| known));
                }
            }
            let held: Vec<_> = keys.iter().map(|(key, known)| (key, known.clone())).collect();
            prop_assert_eq!(held, model);
            for of in 0..30 {
                prop_assert_eq!(keys.foresee(of.into(), &key(of)), keys.tag(&key(of)));
            }
        }
    }
}
