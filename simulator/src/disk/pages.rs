//! The bytes of a file on one layer: zero pages take no room, others are shared until written.

use std::sync::Arc;

/// Bytes of a page, the unit of the page cache.
pub(super) const PAGE_BYTES: usize = 4096;

/// Bytes of a sector, the unit a device writes whole or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

const SECTORS: usize = PAGE_BYTES / SECTOR_BYTES;

type Page = [u8; PAGE_BYTES];

static ZERO: Page = [0; PAGE_BYTES];

/// A page's bytes; `None` where all are zero.
pub(super) type Content = Option<Arc<Page>>;

/// All pages of a file on one layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    table: Arc<Vec<Content>>,
}

/// New bytes for some sectors of one page: bit `n` stands for sector `n`.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    pub(super) page: u64,
    pub(super) sectors: u8,
    pub(super) content: Content,
}

impl Pages {
    fn get(&self, page: u64) -> Option<&Arc<Page>> {
        self.table.get(page as usize)?.as_ref()
    }

    fn set(&mut self, page: u64, content: Content) {
        if same(self.get(page), content.as_ref()) {
            return;
        }
        let table = Arc::make_mut(&mut self.table);
        if table.len() <= page as usize {
            table.resize(page as usize + 1, None);
        }
        table[page as usize] = content;
    }

    /// Fills the memory with what is at a place; behind the last page there are zeros.
    pub(super) fn read(&self, offset: u64, into: &mut [u8]) {
        let (mut at, mut rest) = (offset, into);
        while !rest.is_empty() {
            let (page, within) = place(at);
            let count = rest.len().min(PAGE_BYTES - within);
            let (piece, more) = rest.split_at_mut(count);
            match self.get(page) {
                Some(content) => piece.copy_from_slice(&content[within..within + count]),
                None => piece.fill(0),
            }
            (at, rest) = (at + count as u64, more);
        }
    }

    /// Whether all bytes are alike.
    pub(super) fn is_same(&self, other: &Pages) -> bool {
        let count = self.table.len().max(other.table.len()) as u64;
        Arc::ptr_eq(&self.table, &other.table)
            || (0..count).all(|page| same(self.get(page), other.get(page)))
    }

    /// Takes over the given sectors of a patch.
    pub(super) fn merge(&mut self, patch: &Patch, sectors: u8) {
        assert_eq!(sectors & !patch.sectors, 0, "a patch gives only the sectors it has");
        if sectors == u8::MAX {
            self.set(patch.page, patch.content.clone());
        } else if sectors != 0 {
            let mut merged = *self.get(patch.page).map_or(&ZERO, |page| page);
            let from = patch.content.as_deref().unwrap_or(&ZERO);
            for sector in (0..SECTORS).filter(|sector| sectors & (1 << sector) != 0) {
                let bytes = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
                merged[bytes.clone()].copy_from_slice(&from[bytes]);
            }
            self.set(patch.page, content_of(&merged));
        }
    }

    /// Forgets what lies behind a size.
    pub(super) fn cut(&mut self, size: u64) {
        let (page, within) = place(size);
        if (self.table.len() as u64) <= page {
            return;
        }
        if within > 0
            && let Some(content) = self.get(page)
        {
            let mut kept = **content;
            kept[within..].fill(0);
            self.set(page, content_of(&kept));
        }
        let whole = page as usize + usize::from(within > 0);
        if self.table.len() > whole {
            Arc::make_mut(&mut self.table).truncate(whole);
        }
    }

    /// Whether the sectors of a patch are already as it says.
    pub(super) fn has(&self, patch: &Patch) -> bool {
        if same(self.get(patch.page), patch.content.as_ref()) {
            return true;
        }
        let mut merged = self.clone();
        merged.merge(patch, patch.sectors);
        same(self.get(patch.page), merged.get(patch.page))
    }

    /// A patch that makes a page what it is here.
    pub(super) fn patch(&self, page: u64) -> Patch {
        Patch { page, sectors: u8::MAX, content: self.get(page).cloned() }
    }

    /// The patches that write these bytes over what is here.
    pub(super) fn patches(&self, offset: u64, bytes: &[u8]) -> Vec<Patch> {
        let mut patches = Vec::new();
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (page, within) = place(at);
            let (piece, more) = rest.split_at(rest.len().min(PAGE_BYTES - within));
            patches.push(Patch::of(self.get(page), page, within, piece));
            (at, rest) = (at + piece.len() as u64, more);
        }
        patches
    }
}

impl Patch {
    fn of(base: Option<&Arc<Page>>, page: u64, within: usize, piece: &[u8]) -> Patch {
        let (first, last) = (within / SECTOR_BYTES, (within + piece.len() - 1) / SECTOR_BYTES);
        let sectors = (first..=last).fold(0, |mask, sector| mask | 1 << sector);
        if let Ok(whole) = <&Page>::try_from(piece) {
            return Patch { page, sectors, content: content_of(whole) };
        }
        let mut bytes = base.map_or(ZERO, |base| **base);
        bytes[within..within + piece.len()].copy_from_slice(piece);
        Patch { page, sectors, content: content_of(&bytes) }
    }

    /// The same bytes for another page.
    pub(super) fn moved_to(&self, page: u64) -> Patch {
        Patch { page, ..self.clone() }
    }

    /// Its bytes as numbers, for a hash; nothing where all are zero.
    pub(super) fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let words = self.content.iter().flat_map(|page| page.chunks_exact(8));
        words.map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")))
    }
}

fn place(offset: u64) -> (u64, usize) {
    (offset / PAGE_BYTES as u64, (offset % PAGE_BYTES as u64) as usize)
}

fn content_of(bytes: &Page) -> Content {
    (bytes != &ZERO).then(|| Arc::new(*bytes))
}

fn same(one: Option<&Arc<Page>>, other: Option<&Arc<Page>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        _ => false,
    }
}
