//! Entry points for bytes that nobody wrote: payloads, payloads of older schemas, snapshots.
//!
//! They are compiled for tests and under `--cfg fuzzing` alone. What is accepted has to come back
//! the same when it is written again.

mod payload;
mod snapshot;
#[cfg(test)]
mod tests;

/// What takes an input, and the bytes it may hold at once besides sixteen times the input's.
///
/// The factor holds for what is ours and for types like those here. A list in which one byte makes
/// an element takes the size of that element for each byte, whatever the decoder does.
pub type Target = (fn(&[u8]), usize);

/// An event's payload or a whole value, as the type that the first byte chooses.
pub const PAYLOAD: Target = (payload::decode, 1 << 10);

/// The payload of an older, present, newer or unknown schema.
pub const UPCAST: Target = (payload::upcast, 1 << 10);

/// A snapshot. The empty state around it has decoders for two kinds.
pub const SNAPSHOT: Target = (snapshot::read, 16 << 10);
