//! Whole values as bytes: states in snapshots, commands behind their keys.

use std::any::type_name;
use std::cell::Cell;

use serde::Serialize;
use serde::de::DeserializeOwned;
use twox_hash::XxHash3_64;

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
/// XXH3 with 64 bits and seed 0 (Yann Collet, the xxHash specification) of the command as
/// MessagePack with named fields. Journaled, so from now on it is the same for ever. Some 35 ns for
/// a small command, whose bytes are held meanwhile, however many they are. It tells of mistakes and
/// is no proof against whoever looks for two commands with the same fingerprint: under one key of
/// his own he would get the first one's receipt for both.
///
/// It runs on the caller's thread, for transactions on the writer's, which no command may bring
/// down: where a command's `Serialize` fails, the fingerprint is taken over what came before, and
/// over the error.
#[must_use]
pub fn fingerprint<T: Serialize + ?Sized>(command: &T) -> u64 {
    with_bytes(command, XxHash3_64::oneshot)
}

/// The fingerprint that journals hold of commands from before it was XXH3: the first eight bytes,
/// little-endian, of the BLAKE3 hash of the same bytes.
#[cold]
pub(crate) fn earlier_fingerprint<T: Serialize + ?Sized>(command: &T) -> u64 {
    let hash = with_bytes(command, blake3::hash);
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *hash.as_bytes();
    u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7])
}

/// What a thread keeps at most for the bytes of the next command.
const BYTES_KEPT: usize = 64 << 10;

thread_local! {
    /// Where commands are written to be hashed, so that nothing is allocated for each.
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn with_bytes<T: Serialize + ?Sized, R>(command: &T, hash: impl FnOnce(&[u8]) -> R) -> R {
    // Taken out: a command's `Serialize` may itself take a fingerprint.
    let mut bytes = BYTES.try_with(Cell::take).unwrap_or_default();
    bytes.clear();
    if let Err(error) = encode::write_unbounded(command, &mut bytes) {
        bytes.extend(error.to_string().as_bytes());
    }
    let hashed = hash(&bytes);
    if bytes.capacity() <= BYTES_KEPT {
        // While the thread ends there is nothing that could keep them.
        let _ = BYTES.try_with(|kept| kept.set(bytes));
    }
    hashed
}
