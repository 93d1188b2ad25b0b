//! A forger: rewrites a journal of one segment so that every checksum and the chain are right.
//!
//! It knows the format from its document alone, and shares no code with what reads it.

use std::fs;
use std::path::Path;

const BLOCK: usize = 4096;

/// The batches of a journal of one segment, each as it lies in the file.
pub(crate) struct Forger {
    file: Vec<u8>,
    /// Header, body and trailer of each.
    pub(crate) batches: Vec<Vec<u8>>,
}

impl Forger {
    /// Takes a segment apart.
    pub(crate) fn open(segment: &Path) -> Self {
        let file = fs::read(segment).expect("a segment");
        let mut batches = Vec::new();
        let mut at = BLOCK;
        while file[at..at + 7] == *b"HLBATCH" {
            let length = u32_at(&file[at..], 72) as usize;
            batches.push(file[at..at + length].to_vec());
            at += length;
        }
        Self { file, batches }
    }

    /// Indexes of the batches that hold entries.
    pub(crate) fn data(&self) -> Vec<usize> {
        let is_data = |index: &usize| self.batches[*index][12] == 1;
        (0..self.batches.len()).filter(is_data).collect()
    }

    /// Replaces bytes in the body of a batch by as many others.
    pub(crate) fn replace(&mut self, batch: usize, old: &[u8], new: &[u8]) {
        assert_eq!(old.len(), new.len(), "the lengths stay as they are");
        let bytes = &mut self.batches[batch];
        let at = bytes.windows(old.len()).position(|part| part == old).expect("what is replaced");
        bytes[at..at + new.len()].copy_from_slice(new);
    }

    /// Puts the segment together again: offsets, sequences, positions, watermarks, checksums and
    /// the chain as if it had been written so.
    pub(crate) fn write(mut self, segment: &Path) {
        let length = self.file.len();
        let mut chain = *blake3::hash(&self.file[..BLOCK]).as_bytes();
        let (mut position, mut entry, mut opening) = (0u64, 0u64, 0u64);
        self.file.truncate(BLOCK);
        for (sequence, batch) in (0u64..).zip(&mut self.batches) {
            let offset = self.file.len() as u64;
            if batch[12] == 2 {
                opening = offset;
            }
            let end = batch.len();
            let used = u32_at(batch, 76) as usize;
            put(batch, 48, &sequence.to_le_bytes());
            put(batch, 56, &position.to_le_bytes());
            put(batch, 80, &offset.to_le_bytes());
            put(batch, 88, &sequence.to_le_bytes());
            put(batch, 96, &opening.to_le_bytes());
            put(batch, 104, &chain);
            put(batch, 136, &entry.to_le_bytes());
            let crc = crc32c::crc32c(&batch[160..used]).to_le_bytes();
            put(batch, 152, &crc);
            let header = crc32c::crc32c(&batch[..156]).to_le_bytes();
            put(batch, 156, &header);
            put(batch, end - 16, &sequence.to_le_bytes());
            put(batch, end - 4, &crc);
            entry += u64::from(u32_at(batch, 64));
            position += u64::from(u32_at(batch, 68));
            chain = *blake3::hash(batch).as_bytes();
            self.file.extend(&*batch);
        }
        self.file.resize(length, 0);
        fs::write(segment, self.file).expect("the forged segment");
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}
