//! Directories copied and looked at from outside.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Blocks that hold nothing but zeros become holes, so that a copy costs what is in it.
const BLOCK_BYTES: usize = 4_096;

/// What a disk writes whole, and no more.
const SECTOR_BYTES: usize = 512;

/// Every file of a directory, in order.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the data directory");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Copies the files of a directory into a new one.
pub(crate) fn copy_sparse(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for path in files(from) {
        let bytes = fs::read(&path).expect("a file");
        let copy = File::create(to.join(path.file_name().expect("a name"))).expect("a new file");
        copy.set_len(bytes.len() as u64).expect("room");
        for (index, block) in bytes.chunks(BLOCK_BYTES).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                copy.write_all_at(block, (index * BLOCK_BYTES) as u64).expect("room");
            }
        }
    }
}

/// Wipes the last sector of a file that holds anything but zeros; whether there was one.
pub(crate) fn wipe_last_sector(path: &Path) -> bool {
    let bytes = fs::read(path).expect("a file");
    let Some(last) = bytes.iter().rposition(|byte| *byte != 0) else { return false };
    let start = last / SECTOR_BYTES * SECTOR_BYTES;
    let file = File::options().write(true).open(path).expect("a file");
    file.write_all_at(&[0; SECTOR_BYTES], start as u64).expect("it is written over");
    true
}

/// Whether a file holds nothing but zeros.
pub(crate) fn is_zero(path: &Path) -> bool {
    fs::read(path).expect("a file").iter().all(|byte| *byte == 0)
}
