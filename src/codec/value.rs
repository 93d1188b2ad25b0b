//! Whole values as bytes: states in snapshots, commands behind their keys.

use std::any::type_name;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{DecodeError, EncodeError, decode, encode};

/// Appends a state to `out` as MessagePack with named fields.
///
/// Equal states give equal bytes as long as nothing in them is in random order. A state nested
/// deeper than 32 arrays and maps is written but not read back: a snapshot of it is passed over,
/// and the state is rebuilt from its events.
///
/// # Errors
/// [`EncodeError::Content`] when the state's `Serialize` fails.
pub fn encode_state<T: Serialize>(state: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode::write_unbounded(state, out)
}

/// Reads back what [`encode_state`] wrote, from exactly these bytes.
///
/// # Errors
/// [`DecodeError::Structure`] when they are not one sound MessagePack value,
/// [`DecodeError::Content`] when they are not a `T`.
pub fn decode_state<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode::read_value(bytes, || format!("`{}`", type_name::<T>()))
}

/// 64 bits of a command, to tell two commands under one key apart.
///
/// The first eight bytes, little-endian, of the BLAKE3 hash of the command as MessagePack with
/// named fields. Journaled, so it is the same for ever. Some 200 ns for a small command.
///
/// It runs on the caller's thread, for transactions on the writer's, which no command may bring
/// down: where a command's `Serialize` fails, the fingerprint is taken over what came before, and
/// over the error.
#[must_use]
pub fn fingerprint<T: Serialize + ?Sized>(command: &T) -> u64 {
    let mut hash = Hash { hasher: blake3::Hasher::new(), held: [0; 256], held_bytes: 0 };
    if let Err(error) = encode::write_unbounded(command, &mut hash) {
        hash.take(error.to_string().as_bytes());
    }
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *hash.finish().as_bytes();
    u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7])
}

/// Gathers the encoder's many small writes, each of which would cost the hasher some 10 ns.
struct Hash {
    hasher: blake3::Hasher,
    held: [u8; 256],
    held_bytes: usize,
}

impl Hash {
    #[inline]
    fn take(&mut self, bytes: &[u8]) {
        match self.held.get_mut(self.held_bytes..self.held_bytes + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.held_bytes += bytes.len();
            }
            None => {
                self.hasher.update(&self.held[..self.held_bytes]).update(bytes);
                self.held_bytes = 0;
            }
        }
    }

    fn finish(mut self) -> blake3::Hash {
        self.hasher.update(&self.held[..self.held_bytes]).finalize()
    }
}

impl io::Write for Hash {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.take(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
