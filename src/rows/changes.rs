//! Changes of rows that readers do not see yet, the newest of each row.

use std::hash::Hash;

use crate::hashed::HashedMap;
use crate::limits::GROUP;

/// Changed rows by key; `None` where a row was taken away.
///
/// The newest stand in a list and come into the map together: their places there are fetched all
/// at once, where one after the other would wait for memory.
pub(super) struct Changes<K, R> {
    newest: Vec<(K, Option<R>)>,
    map: HashedMap<K, Option<R>>,
}

impl<K, R> Default for Changes<K, R> {
    fn default() -> Self {
        Self { newest: Vec::with_capacity(GROUP), map: HashedMap::default() }
    }
}

impl<K: Hash + Eq, R> Changes<K, R> {
    /// How the row was changed last, if it was.
    pub(super) fn get(&self, key: &K) -> Option<&Option<R>> {
        let newest = self.newest.iter().rev().find(|(changed, _)| changed == key);
        newest.map(|(_, row)| row).or_else(|| self.map.get(key))
    }

    #[inline]
    pub(super) fn push(&mut self, key: K, row: Option<R>) {
        self.newest.push((key, row));
        if self.newest.len() == GROUP {
            self.settle();
        }
    }

    /// How many rows were changed, but for the newest changes.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Takes every change out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (K, Option<R>)> {
        self.settle();
        self.map.drain()
    }

    fn settle(&mut self) {
        let mut hashes = [0; GROUP];
        for (hash, (key, _)) in hashes.iter_mut().zip(&self.newest) {
            *hash = self.map.hash(key);
            self.map.foresee(*hash);
        }
        for (hash, (key, row)) in hashes.into_iter().zip(self.newest.drain(..)) {
            self.map.insert_hashed(hash, key, row);
        }
    }
}
