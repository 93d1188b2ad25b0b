//! A batch is written through a descriptor on which the kernel answers only once it is on the disk.
#![cfg(target_os = "linux")]

mod support;

use std::{fs, path::Path, sync::Arc};

use hotledger_journal::{Durability, FileDisk, Journal, Options, Recovery};
use rustix::fs::OFlags;
use support::*;

fn open_in(directory: &Path, durability: Durability) -> Journal {
    let disk = Arc::new(FileDisk::open(directory).unwrap());
    let recovery = Recovery::begin(disk, Options { durability, ..options() }).unwrap();
    let mut reader = recovery.reader_at(None).unwrap();
    drain(&mut reader).unwrap();
    recovery.finish(reader).unwrap().0
}

/// How this process has a file open for writing, once for every descriptor.
fn writing_to(file: &Path) -> Vec<OFlags> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let descriptor = entry.unwrap();
        // What another test closed meanwhile is none of ours.
        if fs::read_link(descriptor.path()).is_ok_and(|target| target == file) {
            let info = Path::new("/proc/self/fdinfo").join(descriptor.file_name());
            let info = fs::read_to_string(info).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
            found.push(OFlags::from_bits_retain(flags));
        }
    }
    found.retain(|flags| flags.contains(OFlags::RDWR));
    found
}

#[test]
fn in_the_first_segment_and_in_those_after_it() {
    let home = tempfile::tempdir().unwrap();
    for durability in [Durability::Synced, Durability::Buffered] {
        let directory = home.path().canonicalize().unwrap().join(durability.to_string());
        let mut journal = open_in(&directory, durability);
        while journal.segment_count() < 3 {
            add(&mut journal, &[7; 200 << 10]).unwrap();
            let batch = commit(&mut journal).unwrap();
            let found = writing_to(&directory.join(segment(batch.segment())));
            assert!(!found.is_empty(), "the segment is being written to");
            let synced = durability == Durability::Synced;
            let all = found.iter().all(|flags| flags.contains(OFlags::DSYNC) == synced);
            assert!(all, "{durability}, {}: {found:?}", segment(batch.segment()));
        }
    }
}
