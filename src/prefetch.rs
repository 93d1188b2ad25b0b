//! Has the processor fetch what will be needed soon, while it goes on with other work.

use std::mem::size_of;

/// Bytes that a processor fetches together.
const LINE: usize = 64;

/// Lines that are fetched of one value: whoever needs a longer one reads it in order, which the
/// processor notices by itself.
const LINES_MAX: usize = 4;

/// Starts to fetch a value. It waits for nothing, and changes nothing but how long the first look
/// at the value takes.
///
/// Elsewhere than on x86-64, where stable Rust cannot ask for it, it does nothing.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    let first = std::ptr::from_ref(value).cast::<u8>();
    for_each_line(size_of::<T>(), align_of::<T>(), |byte| fetch_line(first.wrapping_add(byte)));
}

/// Calls with one byte at least of each line that such a value may lie in.
#[inline(always)]
fn for_each_line(size: usize, align: usize, mut fetch: impl FnMut(usize)) {
    let bytes = size.min(LINES_MAX * LINE);
    (0..bytes).step_by(LINE).for_each(&mut fetch);
    // Where it may begin inside a line it may end in one more.
    if bytes > align {
        fetch(bytes - 1);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn fetch_line(place: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the instruction is part of SSE, which every x86-64 has. It is a hint: it gives no
    // access to what is at the address, does not change it, and never faults, whatever address it
    // is given (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, PREFETCHh).
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn fetch_line(_: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_a_value_lies_in_is_asked_for() {
        for align in [1, 2, 4, 8, 16, 32, 64, 128] {
            for size in (0..=6 * LINE).filter(|size| size.is_multiple_of(align)) {
                for start in (0..2 * LINE).step_by(align) {
                    let mut asked = Vec::new();
                    for_each_line(size, align, |byte| {
                        assert!(byte < size, "no line but the value's own");
                        asked.push((start + byte) / LINE);
                    });
                    let mut bytes = 0..size.min(LINES_MAX * LINE);
                    assert!(bytes.all(|byte| asked.contains(&((start + byte) / LINE))));
                }
            }
        }
    }

    #[test]
    fn a_value_anywhere_may_be_asked_for() {
        prefetch(&());
        prefetch(&[0_u64; 100]);
        let end = [1_u8];
        prefetch(&end[0]);
    }
}
