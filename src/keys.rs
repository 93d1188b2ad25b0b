//! The command keys that were taken up within the window, and what came of each.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use hotledger_journal::{Batch, Chain, Entry};

use crate::hashed::HashedMap;
use crate::identity::CommandKey;
use crate::limits::GROUP;
use crate::position::{Position, Version};

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

/// Keys are numbered as they are recorded, from 1 on.
type Number = NonZeroU64;

/// The key window: the newest keys, oldest out first.
///
/// It is hot state: filled by the writer and by replay alike, and part of every snapshot.
pub(crate) struct Keys {
    known: HashedMap<CommandKey, (Number, Known)>,
    /// Keys by the number under which they were recorded, oldest first. One that was recorded
    /// again later stands here twice; the earlier number counts no more.
    order: VecDeque<(Number, CommandKey)>,
    next: Number,
    /// The chain of each batch that holds a key of the window; a receipt repeats it.
    chains: VecDeque<(u64, Chain)>,
    max: usize,
}

impl Keys {
    pub(crate) fn new(max: usize) -> Self {
        let (known, order, chains) = (HashedMap::default(), VecDeque::new(), VecDeque::new());
        Self { known, order, next: Number::MIN, chains, max }
    }

    pub(crate) fn standing(&self, key: CommandKey, fingerprint: u64) -> Standing {
        match self.known.get(&key) {
            None => Standing::Fresh,
            Some((_, known)) if known.fingerprint == fingerprint => {
                Standing::Repeated(known.clone())
            }
            Some(_) => Standing::Reused,
        }
    }

    /// Starts to fetch what recording these keys will need, all at once: their own places, and
    /// those of the keys that make room for them.
    pub(crate) fn foresee(&self, keys: impl Iterator<Item = CommandKey>) {
        let (mut wanted, mut count) = ([(0, CommandKey([0; 16])); 2 * GROUP], 0);
        for key in keys.take(GROUP) {
            wanted[count] = (self.known.hash(&key), key);
            count += 1;
        }
        let forgotten = (self.known.len() + count).saturating_sub(self.max).min(count);
        for (_, oldest) in self.order.iter().take(forgotten) {
            wanted[count] = (self.known.hash(oldest), *oldest);
            count += 1;
        }
        let touch = |all, (hash, key): &(u64, CommandKey)| {
            all ^ self.known.touch(*hash, key, |(number, _)| number.get())
        };
        // Without a use the fetches would be left out.
        let _ = std::hint::black_box(wanted[..count].iter().fold(0, touch));
    }

    /// Remembers a key; the oldest makes room. A key that is known already was taken up again
    /// after a smaller window had forgotten it: the later command counts.
    pub(crate) fn record(&mut self, key: CommandKey, known: Known) {
        if self.max == 0 {
            return;
        }
        if self.known.len() == self.max && self.known.get(&key).is_none() {
            self.forget_oldest();
        }
        let number = self.next;
        self.next = number.checked_add(1).expect("nobody records 2^64 keys");
        self.known.insert(key, (number, known));
        self.order.push_back((number, key));
    }

    /// Bytes that the window holds.
    pub(crate) fn bytes(&self) -> usize {
        self.known.bytes()
            + self.order.capacity() * size_of::<(Number, CommandKey)>()
            + self.chains.capacity() * size_of::<(u64, Chain)>()
    }

    /// Remembers the chain of a batch, when one of its entries has a key.
    pub(crate) fn record_chain(&mut self, sequence: u64, chain: Chain) {
        let newest = self.order.back().and_then(|(_, key)| self.known.get(key));
        if newest.is_some_and(|(_, newest)| newest.sequence >= sequence) {
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
        let Some(key) = &entry.head().key else { return };
        let events = entry.event_count();
        let known = Known {
            fingerprint: key.fingerprint,
            sequence: batch.sequence(),
            position: Position::after(entry.first_position() + u64::from(events)),
            events,
            version: Version(last_version.unwrap_or(key.version)),
        };
        self.record(CommandKey(key.key), known);
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Every key, oldest first, as a snapshot stores them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CommandKey, &Known)> {
        self.order.iter().filter_map(|(number, key)| match self.known.get(key) {
            Some((recorded, known)) if recorded == number => Some((*key, known)),
            _ => None,
        })
    }

    pub(crate) fn chains(&self) -> impl ExactSizeIterator<Item = (u64, Chain)> {
        self.chains.iter().copied()
    }

    pub(crate) fn restore_chain(&mut self, sequence: u64, chain: Chain) {
        self.chains.push_back((sequence, chain));
    }

    fn forget_oldest(&mut self) {
        let forgotten = loop {
            let Some((number, oldest)) = self.order.pop_front() else { return };
            if self.known.get(&oldest).is_some_and(|(recorded, _)| *recorded == number) {
                let (_, (_, forgotten)) = self.known.remove(&oldest).expect("just looked");
                break forgotten;
            }
        };
        let still_needed = self.iter().next().map(|(_, known)| known.sequence);
        while let Some((sequence, _)) = self.chains.front()
            && *sequence <= forgotten.sequence
            && still_needed.is_none_or(|needed| needed > *sequence)
        {
            self.chains.pop_front();
        }
    }
}
