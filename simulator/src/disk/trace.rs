//! A running hash over all that was asked and answered.

use std::io;

use super::fault::Operation;
use crate::dice::mix;

/// The hash so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trace {
    hash: u64,
}

impl Trace {
    pub(super) fn hash(self) -> u64 {
        self.hash
    }

    pub(super) fn add(&mut self, word: u64) {
        self.hash = mix(self.hash.rotate_left(5) ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }

    fn add_text(&mut self, text: &str) {
        self.add(text.len() as u64);
        for piece in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.add(u64::from_le_bytes(word));
        }
    }

    pub(super) fn add_operation(&mut self, operation: &Operation) {
        self.add(operation.number);
        self.add(operation.kind as u64);
        self.add_text(&operation.file);
        self.add_text(operation.to.as_deref().unwrap_or(""));
        self.add(operation.offset);
        self.add(operation.bytes);
    }

    pub(super) fn add_outcome<T>(&mut self, outcome: &io::Result<T>) {
        self.add(match outcome {
            Ok(_) => 0,
            Err(error) => 1 + u64::from(error.raw_os_error().unwrap_or(0).unsigned_abs()),
        });
    }
}
