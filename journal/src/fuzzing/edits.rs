//! Edits of a directory, as an input lists them: bytes, fields, blocks, batches, files.

use super::{
    disk::{Files, SparseFile},
    records::{reseal_batch, reseal_segment},
    sound::BatchPlace,
};
use crate::{
    chain::Chain,
    cursor::Cursor,
    limits::{BATCH_BYTES_MAX, BLOCK_BYTES, SEGMENT_BYTES_MIN},
    record::{Fields, segment_name},
};

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Where the fields of a batch header are, and how long they are.
const BATCH_FIELDS: [(u64, usize); 18] = [
    (8, 4),
    (12, 2),
    (14, 2),
    (16, 8),
    (24, 8),
    (40, 8),
    (48, 8),
    (56, 8),
    (64, 4),
    (68, 4),
    (72, 4),
    (76, 4),
    (80, 8),
    (88, 8),
    (96, 8),
    (104, 8),
    (136, 8),
    (144, 8),
];

/// The same of a segment header: from the format version on, eight bytes each but for two.
const SEGMENT_FIELDS: [(u64, usize); 16] = [
    (8, 4),
    (12, 4),
    (16, 8),
    (24, 8),
    (40, 8),
    (56, 8),
    (64, 8),
    (72, 8),
    (80, 8),
    (88, 8),
    (96, 8),
    (104, 8),
    (136, 8),
    (144, 8),
    (152, 8),
    (160, 8),
];

/// The edits that an input lists; zeros where it ends.
pub(super) struct Edits<'a> {
    pub(super) left: &'a [u8],
    /// Where a reader starts, unless at the beginning.
    pub(super) start: Option<Cursor>,
}

impl Edits<'_> {
    /// Carries out the next one.
    pub(super) fn next(&mut self, files: &mut Files, batches: &[BatchPlace]) {
        let kind = self.u8();
        let reseal = kind & 0x80 != 0;
        match kind % 10 {
            0 => self.poke(files),
            1 => self.change_batch(files, batches, &BATCH_FIELDS, reseal),
            2 => self.change_segment(files, reseal),
            3 => self.copy_blocks(files),
            4 => self.copy_batch(files, batches, reseal),
            5 => self.resize(files),
            6 => self.rename(files),
            7 => self.change_cursor(),
            8 => self.change_batches(files, batches, reseal),
            _ => self.change_body(files, batches, reseal),
        }
    }

    /// Bytes anywhere.
    fn poke(&mut self, files: &mut Files) {
        let name = self.name();
        let offset = self.block() * BLOCK + u64::from(self.u16()) % BLOCK;
        let value = self.u64().to_le_bytes();
        let count = usize::from(self.u8()) % 8 + 1;
        if let Some(file) = files.get_mut(&name).filter(|file| file.bytes() >= offset + 8) {
            file.write(offset, &value[..count]);
        }
    }

    /// One field of a batch header.
    fn change_batch(
        &mut self,
        files: &mut Files,
        batches: &[BatchPlace],
        fields: &[(u64, usize)],
        reseal: bool,
    ) {
        let place = &batches[usize::from(self.u8()) % batches.len()];
        let (at, count) = fields[usize::from(self.u8()) % fields.len()];
        if let Some(file) = files.get_mut(&place.file) {
            self.change_field(file, place.offset + at, count);
            reseal_at(file, place, reseal);
        }
    }

    /// One field of every batch from some batch on, all in the same way.
    fn change_batches(&mut self, files: &mut Files, batches: &[BatchPlace], reseal: bool) {
        let first = usize::from(self.u8()) % batches.len();
        let (at, count) = BATCH_FIELDS[usize::from(self.u8()) % BATCH_FIELDS.len()];
        let same = self.left;
        for place in &batches[first..] {
            if let Some(file) = files.get_mut(&place.file) {
                self.left = same;
                self.change_field(file, place.offset + at, count);
                reseal_at(file, place, reseal);
            }
        }
    }

    /// One field of a segment header.
    fn change_segment(&mut self, files: &mut Files, reseal: bool) {
        let name = self.name();
        let (at, count) = SEGMENT_FIELDS[usize::from(self.u8()) % SEGMENT_FIELDS.len()];
        if let Some(file) = files.get_mut(&name) {
            self.change_field(file, at, count);
            if reseal {
                edit(file, 0, BLOCK_BYTES, reseal_segment);
            }
        }
    }

    /// Bytes of a batch's body.
    fn change_body(&mut self, files: &mut Files, batches: &[BatchPlace], reseal: bool) {
        let body: [(u64, usize); 32] = std::array::from_fn(|at| (160 + at as u64 * 2, 2));
        self.change_batch(files, batches, &body, reseal);
    }

    /// One number of the cursor, where the others still let it pass for one.
    fn change_cursor(&mut self) {
        let at = usize::from(self.u8() % 6) * 8;
        let Some(mut bytes) = self.start.map(|cursor| cursor.encode()) else { return };
        let field = bytes[at..at + 8].try_into().expect("eight bytes");
        bytes[at..at + 8].copy_from_slice(&self.change(u64::from_le_bytes(field)).to_le_bytes());
        self.start = Cursor::decode(&bytes).or(self.start);
    }

    fn change_field(&mut self, file: &mut SparseFile, offset: u64, count: usize) {
        let mut field = [0; 8];
        field[..count].copy_from_slice(&file.read(offset, count));
        let changed = self.change(u64::from_le_bytes(field));
        file.write(offset, &changed.to_le_bytes()[..count]);
    }

    /// Another number, or the same and a little more or less.
    fn change(&mut self, number: u64) -> u64 {
        match self.u8() {
            0 => self.u64(),
            add => number.wrapping_add_signed((add as i8).into()),
        }
    }

    /// A few blocks of one place in another place.
    fn copy_blocks(&mut self, files: &mut Files) {
        let (from, to) = ((self.name(), self.block()), (self.name(), self.block()));
        let count = u64::from(self.u8() % 4 + 1) * BLOCK;
        let blocks = files.get(&from.0).map(|file| file.read(from.1 * BLOCK, count as usize));
        let target = files.get_mut(&to.0).filter(|file| file.bytes() >= to.1 * BLOCK + count);
        if let (Some(blocks), Some(target)) = (blocks, target) {
            target.write(to.1 * BLOCK, &blocks);
        }
    }

    /// A batch in the place of another, told that it belongs there or not.
    fn copy_batch(&mut self, files: &mut Files, batches: &[BatchPlace], reseal: bool) {
        let [from, to] = [self.u8(), self.u8()].map(|at| &batches[usize::from(at) % batches.len()]);
        let bytes = files.get(&from.file).map(|file| file.read(from.offset, from.bytes));
        let target = files.get_mut(&to.file);
        let fits = |file: &&mut SparseFile| file.bytes() >= to.offset + from.bytes as u64;
        if let (Some(mut stored), Some(target)) = (bytes, target.filter(fits)) {
            if reseal {
                stored[80..88].copy_from_slice(&to.offset.to_le_bytes());
                stored[16..40].copy_from_slice(&target.read(16, 24));
                reseal_batch(&mut stored);
            }
            target.write(to.offset, &stored);
        }
    }

    fn resize(&mut self, files: &mut Files) {
        let name = self.name();
        let bytes = self.block() * BLOCK + u64::from(self.u8());
        if let Some(file) = files.get_mut(&name) {
            file.resize(bytes);
        }
    }

    fn rename(&mut self, files: &mut Files) {
        let (from, to) = (self.name(), self.name());
        if let Some(file) = files.remove(&from)
            && from != to
        {
            files.insert(to, file);
        }
    }

    fn name(&mut self) -> String {
        segment_name(u64::from(self.u8() % 5) + 1)
    }

    /// A block of a segment or a little behind it.
    fn block(&mut self) -> u64 {
        u64::from(self.u16()) % (SEGMENT_BYTES_MIN / BLOCK + 2)
    }

    fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let count = N.min(self.left.len());
        let (taken, left) = self.left.split_at(count);
        self.left = left;
        let mut bytes = [0; N];
        bytes[..count].copy_from_slice(taken);
        bytes
    }
}

fn reseal_at(file: &mut SparseFile, place: &BatchPlace, reseal: bool) {
    if reseal {
        edit(file, place.offset, place.bytes, reseal_batch);
    }
}

fn edit(file: &mut SparseFile, offset: u64, count: usize, change: impl FnOnce(&mut [u8])) {
    let mut bytes = file.read(offset, count);
    change(&mut bytes);
    file.write(offset, &bytes);
}

/// Makes everything that follows from something before it right again, as a forger would.
pub(super) fn rechain(files: &mut Files) {
    let mut chain = Chain::ZERO;
    for file in files.values_mut() {
        edit(file, 0, BLOCK_BYTES, |block| {
            if Fields(block).u64(16) > 1 {
                block[104..136].copy_from_slice(&chain.0);
            }
            reseal_segment(block);
        });
        chain = Chain::of(&file.read(0, BLOCK_BYTES));
        let mut offset = BLOCK;
        while let Some(bytes) = batch_bytes(file, offset) {
            edit(file, offset, bytes, |stored| {
                stored[104..136].copy_from_slice(&chain.0);
                reseal_batch(stored);
                chain = Chain::of(stored);
            });
            offset += bytes as u64;
        }
    }
}

/// The length of what calls itself a batch at this place, if there is room for it.
fn batch_bytes(file: &SparseFile, offset: u64) -> Option<usize> {
    let header = file.read(offset, 80);
    let bytes = Fields(&header).u32(72) as usize;
    let sound = header.starts_with(b"HLBATCH\0")
        && (BLOCK_BYTES..=BATCH_BYTES_MAX).contains(&bytes)
        && bytes.is_multiple_of(BLOCK_BYTES)
        && offset + bytes as u64 <= file.bytes();
    sound.then_some(bytes)
}
