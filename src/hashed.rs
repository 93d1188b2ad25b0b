//! A hash map that can be told in advance what will be looked up.
//!
//! A lookup in a large table waits for memory. Whoever knows the next few of them has all their
//! entries fetched at once, and does not wait for them before they are needed.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::prefetch::prefetch;

/// Values by key. All lookups take the hash along, so that it is taken once.
pub(crate) struct HashedMap<K, V> {
    entries: HashTable<(K, V)>,
    // `quality`: keys may come from outside, and colliding ones must not slow the writer down.
    hasher: RandomState,
}

impl<K, V> Default for HashedMap<K, V> {
    fn default() -> Self {
        Self { entries: HashTable::new(), hasher: RandomState::default() }
    }
}

impl<K: Hash + Eq, V> HashedMap<K, V> {
    #[inline]
    pub(crate) fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Has the entry with this hash fetched, or some times in a hundred another one.
    #[inline]
    pub(crate) fn foresee(&self, hash: u64) {
        // The first candidate: to compare keys would be to wait for it.
        self.entries.find(hash, |_| true).into_iter().for_each(prefetch);
    }

    #[inline]
    pub(crate) fn get_hashed(&self, hash: u64, key: &K) -> Option<&V> {
        self.entries.find(hash, |(held, _)| held == key).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn get_hashed_mut(&mut self, hash: u64, key: &K) -> Option<&mut V> {
        self.entries.find_mut(hash, |(held, _)| held == key).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.get_hashed(self.hash(key), key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.get_hashed_mut(self.hash(key), key)
    }

    /// Puts a value in, and gives back the one that it replaces.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.insert_hashed(self.hash(&key), key, value)
    }

    #[inline]
    pub(crate) fn insert_hashed(&mut self, hash: u64, key: K, value: V) -> Option<V> {
        debug_assert_eq!(hash, self.hash(&key), "the hash is the key's");
        if let Some(held) = self.get_hashed_mut(hash, &key) {
            return Some(std::mem::replace(held, value));
        }
        self.entries.insert_unique(hash, (key, value), |(key, _)| self.hasher.hash_one(key));
        None
    }

    /// The value of a key, which is made where there is none.
    #[inline]
    pub(crate) fn get_or_default(&mut self, hash: u64, key: K) -> &mut V
    where
        V: Default,
    {
        debug_assert_eq!(hash, self.hash(&key), "the hash is the key's");
        let hasher = &self.hasher;
        let entry =
            self.entries.entry(hash, |(held, _)| *held == key, |(key, _)| hasher.hash_one(key));
        &mut entry.or_insert_with(|| (key, V::default())).into_mut().1
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<(K, V)> {
        let hash = self.hash(key);
        let entry = self.entries.find_entry(hash, |(held, _)| held == key).ok()?;
        Some(entry.remove().0)
    }

    /// Every entry, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Takes every entry out, in no order that means anything; the memory is kept.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (K, V)> {
        self.entries.drain()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Makes room for so many more, at once instead of while they come.
    pub(crate) fn reserve(&mut self, count: usize) {
        let Self { entries, hasher } = self;
        entries.reserve(count, |(key, _)| hasher.hash_one(key));
    }

    /// Bytes of the table, a control byte an entry included; what keys and values own elsewhere is
    /// not in it.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.capacity() * (size_of::<(K, V)>() + 1)
    }
}
