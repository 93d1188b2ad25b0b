//! One file: what the page cache shows, what the device answers, and what a power cut leaves.

use super::{
    loss::Keeper,
    pages::{Pages, Patch, SECTOR_BYTES},
};
use crate::dice::Dice;

/// Un-synced patches kept before the oldest are written back, as a kernel does by itself.
const DIRTY_MAX: usize = 4096;

/// A file on three layers. `media` survives a power cut, `device` is what a read past the cache
/// finds, `cache` what any other read finds. They differ only in what is dirty, and in what a
/// failed sync has left in the cache alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    cache: Pages,
    device: Pages,
    media: Pages,
    size: u64,
    media_size: u64,
    dirty: Vec<Dirty>,
    /// Open files on it.
    pub(super) handles: usize,
}

/// Sectors on their way to the media.
#[derive(Clone, Debug)]
struct Dirty {
    patch: Patch,
    layer: Layer,
    /// Which write they belong to.
    write: u64,
}

/// How far a write has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Cache,
    /// The device shows it and may still lose it.
    Device,
    Media,
}

impl Node {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn cache(&self) -> &Pages {
        &self.cache
    }

    /// Reads until the memory is full or the file ends; the bytes read.
    pub(super) fn read(&self, layer: Layer, offset: u64, into: &mut [u8]) -> usize {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(into.len());
        let pages = if layer == Layer::Cache { &self.cache } else { &self.device };
        pages.read(offset, &mut into[..count]);
        count
    }

    /// Whether two files are alike for every reader and after any power cut without losses.
    pub(super) fn is_same(&self, other: &Node) -> bool {
        self.size == other.size
            && self.cache.is_same(&other.cache)
            && self.device.is_same(&other.device)
            && self.media.is_same(&other.media)
    }

    /// Whether a patch would change nothing on any layer.
    pub(super) fn has(&self, patch: &Patch) -> bool {
        self.cache.has(patch)
            && self.device.has(patch)
            && self.media.has(patch)
            && !self.dirty.iter().any(|dirty| dirty.patch.page == patch.page)
    }

    /// Takes over sectors of a patch as far as a layer.
    pub(super) fn land(&mut self, patch: &Patch, sectors: u8, layer: Layer, write: u64) {
        if sectors == 0 {
            return;
        }
        self.cache.merge(patch, sectors);
        if layer != Layer::Cache {
            self.device.merge(patch, sectors);
        }
        if layer == Layer::Media {
            self.media.merge(patch, sectors);
            let older = self.dirty.iter_mut().filter(|dirty| dirty.patch.page == patch.page);
            older.for_each(|dirty| dirty.patch.sectors &= !sectors);
            self.dirty.retain(|dirty| dirty.patch.sectors != 0);
            return;
        }
        let patch = Patch { sectors, ..patch.clone() };
        self.dirty.push(Dirty { patch, layer, write });
        if self.dirty.len() > DIRTY_MAX {
            let oldest = self.dirty.remove(0);
            self.write_back(&oldest.patch, oldest.patch.sectors);
        }
    }

    /// Shows a patch in the cache, as if it were clean.
    pub(super) fn show(&mut self, patch: &Patch) {
        self.cache.merge(patch, patch.sectors);
    }

    /// Makes the file at least so long.
    pub(super) fn grow(&mut self, end: u64, layer: Layer) {
        self.size = self.size.max(end);
        if layer == Layer::Media {
            self.media_size = self.media_size.max(end);
        }
    }

    /// Everything written before is on the media.
    pub(super) fn sync(&mut self) {
        for Dirty { patch, .. } in std::mem::take(&mut self.dirty) {
            self.write_back(&patch, patch.sectors);
        }
        self.media_size = self.size;
    }

    /// A sync that fails: any part of what was dirty is on the media, and the cache forgets that
    /// the rest is not. What the device has taken it still holds; the size is the file system's
    /// own and is tried again.
    pub(super) fn sync_fails(&mut self, dice: &mut Dice) {
        for dirty in std::mem::take(&mut self.dirty) {
            if dirty.layer == Layer::Device {
                self.dirty.push(dirty);
            } else {
                let arrived = dirty.patch.sectors & dice.number() as u8;
                self.write_back(&dirty.patch, arrived);
            }
        }
    }

    /// Drops clean pages from the cache, so that reads find what the device has.
    pub(super) fn evict(&mut self) {
        self.cache = self.device.clone();
        for dirty in self.dirty.iter().filter(|dirty| dirty.layer == Layer::Cache) {
            self.cache.merge(&dirty.patch, dirty.patch.sectors);
        }
    }

    /// Changes bits on the media. A page that is clean is taken for evicted, so that every read
    /// finds them.
    pub(super) fn rot(&mut self, offset: u64, bits: u8) {
        let mut byte = [0];
        for layer in [&mut self.media, &mut self.device] {
            layer.read(offset, &mut byte);
            let patch = layer.patches(offset, &[byte[0] ^ bits]).remove(0);
            layer.merge(&patch, patch.sectors);
        }
        let page = self.device.patch(offset / super::pages::PAGE_BYTES as u64);
        self.cache.merge(&page, page.sectors);
        let hides = |it: &&Dirty| it.patch.page == page.page && it.layer == Layer::Cache;
        for dirty in self.dirty.iter().filter(hides) {
            self.cache.merge(&dirty.patch, dirty.patch.sectors);
        }
    }

    /// Sectors a power cut may take.
    pub(super) fn dirty_sectors(&self) -> u64 {
        self.dirty.iter().map(|dirty| u64::from(dirty.patch.sectors.count_ones())).sum()
    }

    /// What is left after a power cut.
    pub(super) fn power_cut(&mut self, keeper: &mut Keeper) {
        for Dirty { patch, write, .. } in std::mem::take(&mut self.dirty) {
            let kept = keeper.keep(write, patch.sectors);
            self.media.merge(&patch, kept);
        }
        self.size = keeper.size(self.media_size, self.size, SECTOR_BYTES as u64);
        self.media_size = self.size;
        self.media.cut(self.size);
        (self.device, self.cache) = (self.media.clone(), self.media.clone());
        self.handles = 0;
    }

    fn write_back(&mut self, patch: &Patch, sectors: u8) {
        self.media.merge(patch, sectors);
        self.device.merge(patch, sectors);
    }
}
