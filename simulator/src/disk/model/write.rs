//! Writes from their begin to their end, whole or in part.

use std::io;

use hotledger_journal::{Access, Durability};

use super::super::{
    fault::{Damage, DamageKind, Effect, Errno, FaultKind},
    loss::{Keeper, Loss},
    names::NodeId,
    node::Layer,
    pages::{PAGE_BYTES, Patch, SECTOR_BYTES},
};
use super::Model;

/// Number of a write, growing.
pub(in crate::disk) type WriteId = u64;

/// A write that was begun.
#[derive(Clone, Debug)]
pub(in crate::disk) struct Write {
    node: NodeId,
    offset: u64,
    bytes: u64,
    /// Of pages that change.
    patches: Vec<Patch>,
    /// How far it goes when it ends well.
    layer: Layer,
    ending: Ending,
    /// How often it is still not completed when asked for.
    pub(in crate::disk) stall: u32,
}

/// How a write will end.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Whole,
    Fails(Errno),
    Short,
    NoRoom(u64),
    Lost,
    Elsewhere(NodeId, u64),
}

impl Write {
    fn end(&self) -> u64 {
        self.offset + self.bytes
    }

    /// The files it still needs.
    pub(in crate::disk) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        let elsewhere = match self.ending {
            Ending::Elsewhere(node, _) => Some(node),
            _ => None,
        };
        std::iter::once(self.node).chain(elsewhere)
    }

    fn sectors(&self) -> u64 {
        self.patches.iter().map(|patch| u64::from(patch.sectors.count_ones())).sum()
    }

    /// Numbers that say all about it, for a hash.
    pub(in crate::disk) fn words(&self) -> impl Iterator<Item = u64> + '_ {
        self.patches.iter().flat_map(|patch| std::iter::once(patch.page).chain(patch.words()))
    }
}

impl Model {
    pub(in crate::disk) fn begin_write(
        &mut self,
        node: NodeId,
        access: Access,
        offset: u64,
        bytes: &[u8],
    ) -> WriteId {
        let synced = access == Access::Commit(Durability::Synced);
        let layer = if synced { Layer::Media } else { Layer::Cache };
        let file = self.node(node);
        let mut patches = file.cache().patches(offset, bytes);
        patches.retain(|patch| !file.has(patch));
        let bytes = bytes.len() as u64;
        let ending = Ending::Whole;
        let id = self.next_write;
        self.next_write += 1;
        self.in_flight.insert(id, Write { node, offset, bytes, patches, layer, ending, stall: 0 });
        id
    }

    /// Takes all of a begun write into the trace.
    pub(in crate::disk) fn trace_write(&mut self, id: WriteId) {
        for word in self.in_flight[&id].words() {
            self.trace.add(word);
        }
    }

    /// Says how a begun write will end.
    pub(in crate::disk) fn destine(&mut self, id: WriteId, effect: Effect) {
        let mut write = self.in_flight.remove(&id).expect("begun and not ended");
        let room = self.room().saturating_add(self.node(write.node).size());
        write.ending = match effect {
            Effect::Fails(errno) => Ending::Fails(errno),
            _ if write.end() > room => Ending::NoRoom(room),
            Effect::Short if write.bytes > 0 => Ending::Short,
            Effect::Lost if !write.patches.is_empty() => Ending::Lost,
            Effect::Elsewhere => self.misdirect(&write).unwrap_or(Ending::Whole),
            _ => Ending::Whole,
        };
        write.stall = if let Effect::Stalls(polls) = effect { polls } else { 0 };
        self.in_flight.insert(id, write);
    }

    /// Another place that takes all of the write, if there is one.
    fn misdirect(&mut self, write: &Write) -> Option<Ending> {
        let page = PAGE_BYTES as u64;
        let aligned = write.offset.is_multiple_of(page) && write.bytes.is_multiple_of(page);
        if write.layer != Layer::Media || !self.direct || !aligned || write.patches.is_empty() {
            return None;
        }
        let fitting: Vec<NodeId> = (self.names.iter())
            .filter(|(_, node)| self.nodes[node].size() >= write.bytes)
            .map(|(_, node)| node)
            .collect();
        let node = *fitting.get(self.dice.below(fitting.len() as u64) as usize)?;
        let places = (self.nodes[&node].size() - write.bytes) / page + 1;
        let to = self.dice.below(places) * page;
        ((node, to) != (write.node, write.offset)).then_some(Ending::Elsewhere(node, to))
    }

    /// Ends a write as it was destined to.
    pub(in crate::disk) fn end_write(&mut self, id: WriteId) -> io::Result<()> {
        let write = self.in_flight.remove(&id).expect("a write ends once");
        match write.ending {
            Ending::Whole => {
                self.land_all(id, &write, write.layer);
                Ok(())
            }
            Ending::Fails(errno) => {
                self.fail(id, &write);
                Err(errno.error())
            }
            Ending::Short => {
                let done = self.dice.below(write.bytes);
                self.land_start(id, &write, done - done % SECTOR_BYTES as u64);
                self.fired.add(FaultKind::ShortWrite, 1);
                Err(io::ErrorKind::WriteZero.into())
            }
            Ending::NoRoom(end) => {
                self.land_start(id, &write, end.saturating_sub(write.offset));
                self.fired.add(FaultKind::NoSpace, 1);
                Err(Errno::NoSpace.error())
            }
            Ending::Lost => {
                self.lose(&write);
                Ok(())
            }
            Ending::Elsewhere(node, offset) => {
                self.land_elsewhere(id, &write, node, offset);
                Ok(())
            }
        }
    }

    fn land_all(&mut self, id: WriteId, write: &Write, layer: Layer) {
        let file = self.node(write.node);
        for patch in &write.patches {
            file.land(patch, patch.sectors, layer, id);
        }
        file.grow(write.end(), layer);
    }

    /// The first bytes arrive, as far as the cache or the device.
    fn land_start(&mut self, id: WriteId, write: &Write, bytes: u64) {
        // A part is not durable: it gets as far as it can without being so.
        let past_the_cache = self.direct && write.layer == Layer::Media;
        let layer = if past_the_cache { Layer::Device } else { Layer::Cache };
        let end = write.offset + bytes;
        let file = self.node(write.node);
        for patch in &write.patches {
            let sectors = patch.sectors & sectors_before(patch.page, end);
            file.land(patch, sectors, layer, id);
        }
        if bytes > 0 {
            file.grow(end, layer);
        }
    }

    /// A write that fails. Through the cache, a durable one has left all of itself there and any
    /// of its sectors on the media, and nothing remembers that the others are missing.
    fn fail(&mut self, id: WriteId, write: &Write) {
        if self.direct || write.layer == Layer::Cache {
            return self.half_do(id, write);
        }
        let mut keeper = Keeper::new(Loss::Seeded, write.sectors(), self.dice.split());
        let file = self.node(write.node);
        for patch in &write.patches {
            file.land(patch, keeper.keep(id, patch.sectors), Layer::Media, id);
            file.show(patch);
        }
        file.grow(write.end(), Layer::Cache);
    }

    /// Of a write past the cache any sectors arrive; of another, a part from its start.
    pub(in crate::disk) fn half_do(&mut self, id: WriteId, write: &Write) {
        if !self.direct || write.layer == Layer::Cache {
            let done = self.dice.below(write.bytes + 1);
            return self.land_start(id, write, done - done % SECTOR_BYTES as u64);
        }
        let mut keeper = Keeper::new(Loss::Seeded, write.sectors(), self.dice.split());
        let file = self.nodes.get_mut(&write.node).expect("a file being written has contents");
        for patch in &write.patches {
            let kept = keeper.keep(id, patch.sectors);
            file.land(patch, kept, Layer::Device, id);
            if kept != 0 {
                let end = (patch.page + 1) * PAGE_BYTES as u64;
                file.grow(end.min(write.end()), Layer::Device);
            }
        }
    }

    /// All of it becomes something that a power cut may take.
    pub(in crate::disk) fn leave_to_chance(&mut self, id: WriteId, write: &Write) {
        match write.ending {
            Ending::Lost => {}
            Ending::Elsewhere(node, offset) => self.land_elsewhere(id, write, node, offset),
            _ => self.land_all(id, write, Layer::Device),
        }
    }

    /// Nobody waits for it any more.
    pub(in crate::disk) fn abandon_write(&mut self, id: WriteId) {
        let write = self.in_flight.remove(&id).expect("a write ends once");
        self.half_do(id, &write);
    }

    fn lose(&mut self, write: &Write) {
        let shows = !self.direct || write.layer == Layer::Cache;
        let file = self.node(write.node);
        if shows {
            write.patches.iter().for_each(|patch| file.show(patch));
        }
        file.grow(write.end(), write.layer);
        self.fired.add(FaultKind::LostWrite, 1);
        self.note_damage(DamageKind::Lost, write.node, write.offset, write.bytes);
    }

    fn land_elsewhere(&mut self, id: WriteId, write: &Write, node: NodeId, offset: u64) {
        let (from, to) = (write.offset / PAGE_BYTES as u64, offset / PAGE_BYTES as u64);
        let file = self.node(node);
        for patch in &write.patches {
            let patch = patch.moved_to(patch.page - from + to);
            file.land(&patch, patch.sectors, Layer::Media, id);
        }
        self.fired.add(FaultKind::MisdirectedWrite, 1);
        self.note_damage(DamageKind::Lost, write.node, write.offset, write.bytes);
        self.note_damage(DamageKind::Overwritten, node, offset, write.bytes);
    }

    pub(in crate::disk) fn note_damage(
        &mut self,
        kind: DamageKind,
        node: NodeId,
        offset: u64,
        bytes: u64,
    ) {
        let file = self.called(node);
        self.damage.push(Damage { kind, file, offset, bytes });
    }
}

/// The sectors of a page that end at or before a byte of the file, the one it lies in included.
fn sectors_before(page: u64, end: u64) -> u8 {
    let inside = end.saturating_sub(page * PAGE_BYTES as u64).min(PAGE_BYTES as u64);
    let count = inside.div_ceil(SECTOR_BYTES as u64);
    ((1_u16 << count) - 1) as u8
}
