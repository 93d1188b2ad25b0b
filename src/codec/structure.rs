//! The shape every stored payload has to have; rmp-serde may touch none before it was looked at.

use crate::codec::DecodeError;

/// Arrays and maps that may be open inside each other.
///
/// Both ends keep to it: an event nested deeper is not encoded, so that none is ever journaled
/// that could not be read back.
pub(super) const DEPTH_MAX: usize = 32;

/// Walks over one MessagePack value without building anything.
///
/// After it, the payload is known to be exactly one value, no deeper than [`DEPTH_MAX`], in which
/// every announced element is present. rmp-serde alone checks none of this: it takes a count at its
/// word, accepts trailing bytes, and does not count enums towards its depth limit, so that a few
/// hundred KiB of nested variants overflow the stack. Costs about 2 ns a value; no recursion.
pub(super) fn check(payload: &[u8]) -> Result<(), DecodeError> {
    walk(payload, DEPTH_MAX)
        .and_then(end)
        .map_err(|(rest, what)| DecodeError::Structure { at: payload.len() - rest.len(), what })
}

/// Bytes of the value that comes first, if it is sound and opens no more than so many levels.
pub(super) fn length_of_first(payload: &[u8], levels: usize) -> Option<usize> {
    walk(payload, levels).ok().map(|rest| payload.len() - rest.len())
}

/// What is wrong, with the bytes that were still to come.
type Fault<'a> = (&'a [u8], &'static str);

/// What follows the first value.
fn walk(mut rest: &[u8], levels: usize) -> Result<&[u8], Fault<'_>> {
    // How many values are still to come in each open container; the outermost is the payload.
    let mut open = [0_u64; DEPTH_MAX];
    let mut depth = 0;
    let mut left = 1_u64;
    loop {
        while left == 0 {
            if depth == 0 {
                return Ok(rest);
            }
            depth -= 1;
            left = open[depth];
        }
        left -= 1;
        let children;
        (children, rest) = step(rest)?;
        if children > 0 {
            if depth == levels {
                return Err((rest, "nests deeper than 32 arrays and maps"));
            }
            open[depth] = left;
            depth += 1;
            left = children;
        }
    }
}

fn end(rest: &[u8]) -> Result<(), Fault<'_>> {
    if rest.is_empty() { Ok(()) } else { Err((rest, "goes on after its value")) }
}

/// Steps over one value, of a container only over its head: how many values follow in it.
#[inline]
fn step(payload: &[u8]) -> Result<(u64, &[u8]), Fault<'_>> {
    let Some((&marker, rest)) = payload.split_first() else {
        return Err((payload, CUT));
    };
    match SKIP[usize::from(marker)] {
        OTHER => step_other(marker, rest),
        bytes => skip(u64::from(bytes), rest),
    }
}

/// How many bytes follow a marker that alone says so. Most values are of this sort, and a table
/// steps over them in half the time that a jump on the marker takes.
const SKIP: [u8; 256] = {
    let mut skip = [OTHER; 256];
    let mut marker = 0;
    while marker < 256 {
        skip[marker] = match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 0,
            0xa0..=0xbf => marker as u8 & 0x1f,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            // The type byte of an extension is not counted in its length.
            0xd4..=0xd8 => 1 + (1 << (marker - 0xd4)),
            _ => OTHER,
        };
        marker += 1;
    }
    skip
};

/// No length a marker of its own can have.
const OTHER: u8 = u8::MAX;

/// Steps over a value that starts with a length or a count.
fn step_other(marker: u8, rest: &[u8]) -> Result<(u64, &[u8]), Fault<'_>> {
    match marker {
        0x80..=0x8f => children(2 * u64::from(marker & 0x0f), rest),
        0x90..=0x9f => children(u64::from(marker & 0x0f), rest),
        0xc4 | 0xd9 => sized::<1>(rest, 0),
        0xc5 | 0xda => sized::<2>(rest, 0),
        0xc6 | 0xdb => sized::<4>(rest, 0),
        0xc7 => sized::<1>(rest, 1),
        0xc8 => sized::<2>(rest, 1),
        0xc9 => sized::<4>(rest, 1),
        0xdc => counted::<2>(rest, 1),
        0xdd => counted::<4>(rest, 1),
        0xde => counted::<2>(rest, 2),
        0xdf => counted::<4>(rest, 2),
        _ => Err((rest, "holds a marker that MessagePack does not use")),
    }
}

const CUT: &str = "ends in the middle of a value";

fn sized<const HEAD: usize>(rest: &[u8], more: u64) -> Result<(u64, &[u8]), Fault<'_>> {
    let (bytes, rest) = number::<HEAD>(rest)?;
    skip(bytes + more, rest)
}

fn counted<const HEAD: usize>(rest: &[u8], each: u64) -> Result<(u64, &[u8]), Fault<'_>> {
    let (count, rest) = number::<HEAD>(rest)?;
    children(count * each, rest)
}

fn number<const HEAD: usize>(rest: &[u8]) -> Result<(u64, &[u8]), Fault<'_>> {
    let Some((digits, rest)) = rest.split_first_chunk::<HEAD>() else {
        return Err((rest, CUT));
    };
    Ok((digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)), rest))
}

#[inline]
fn skip(bytes: u64, rest: &[u8]) -> Result<(u64, &[u8]), Fault<'_>> {
    match rest.split_at_checked(bytes as usize) {
        Some((_, rest)) => Ok((0, rest)),
        None => Err((rest, CUT)),
    }
}

/// A value takes a byte at least, which bounds a count before anything is reserved for it.
#[inline]
fn children(children: u64, rest: &[u8]) -> Result<(u64, &[u8]), Fault<'_>> {
    if children > rest.len() as u64 {
        return Err((rest, "announces more elements than it has bytes"));
    }
    Ok((children, rest))
}
