//! Runs a target on one input and holds what it allocates to a bound.

/// Bytes that may be in use at once for each byte of an input. What is decoded is larger than what
/// it was decoded from, by a factor that is known; what a length merely announces is not.
const BYTES_PER_INPUT_BYTE: usize = 16;

/// Runs the target, and fails where more memory is in use at once than the input accounts for.
pub fn bounded((run, fixed_bytes): (fn(&[u8]), usize), input: &[u8]) {
    let used = allocation_counter::measure(|| run(input));
    let bound = BYTES_PER_INPUT_BYTE * input.len() + fixed_bytes;
    assert!(
        used.bytes_max <= bound as u64,
        "{} bytes in use at once for an input of {}: at most {bound}",
        used.bytes_max,
        input.len()
    );
}
