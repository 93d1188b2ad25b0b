//! Journal directories that are kept in the repository: packed small, unpacked for a test.
//!
//! Segments are prepared at full size and mostly zeros. A packed file is the length of the file,
//! then its runs of bytes that are not all zero: offset, length, bytes. Numbers are 8 bytes,
//! little-endian.
#![allow(dead_code, reason = "each promise uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Zeros are told from content in pieces of this size.
const PIECE_BYTES: usize = 32;
const ENDING: &str = ".sparse";

/// Where the fixture of a version lies.
pub(crate) fn home(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version)
}

/// A directory of its own with the files of a fixture as they were written.
pub(crate) fn unpack(version: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, packed) in contents(&home(version)) {
        if let Some(name) = name.strip_suffix(ENDING) {
            fs::write(directory.path().join(name), expand(&packed)).unwrap();
        }
    }
    directory
}

/// Makes the files of a directory the fixture of a version, in place of what is there.
pub(crate) fn pack(directory: &Path, version: &str) {
    let home = home(version);
    fs::create_dir_all(&home).unwrap();
    for name in contents(&home).into_keys().filter(|name| name.ends_with(ENDING)) {
        fs::remove_file(home.join(name)).unwrap();
    }
    for (name, bytes) in contents(directory) {
        fs::write(home.join(name + ENDING), shrink(&bytes)).unwrap();
    }
}

/// Every file of a directory, by name.
pub(crate) fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Asserts that a directory has the same files with the same bytes as before.
#[track_caller]
pub(crate) fn assert_unchanged(directory: &Path, before: &BTreeMap<String, Vec<u8>>) {
    let after = contents(directory);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(before), "files came or went");
    for (name, bytes) in before {
        assert!(after[name] == *bytes, "{name} was changed");
    }
}

fn shrink(bytes: &[u8]) -> Vec<u8> {
    let mut packed = number(bytes.len());
    let is_zero = |piece: &[u8]| piece.iter().all(|byte| *byte == 0);
    let pieces: Vec<_> = bytes.chunks(PIECE_BYTES).collect();
    let mut at = 0;
    for run in pieces.chunk_by(|left, right| is_zero(left) == is_zero(right)) {
        let length = run.iter().map(|piece| piece.len()).sum();
        if !is_zero(run[0]) {
            packed.extend(number(at));
            packed.extend(number(length));
            packed.extend(run.concat());
        }
        at += length;
    }
    packed
}

fn expand(packed: &[u8]) -> Vec<u8> {
    let mut rest = packed;
    let mut bytes = vec![0; take_number(&mut rest)];
    while !rest.is_empty() {
        let (at, length) = (take_number(&mut rest), take_number(&mut rest));
        bytes[at..at + length].copy_from_slice(rest.split_off(..length).unwrap());
    }
    bytes
}

fn number(value: usize) -> Vec<u8> {
    (value as u64).to_le_bytes().to_vec()
}

fn take_number(rest: &mut &[u8]) -> usize {
    let (bytes, after) = rest.split_first_chunk().expect("a number is 8 bytes");
    *rest = after;
    usize::try_from(u64::from_le_bytes(*bytes)).unwrap()
}
