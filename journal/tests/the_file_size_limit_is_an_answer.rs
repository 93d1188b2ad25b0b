//! The file-size limit of the process is answered like a full disk; its signal never comes.

mod support;

use std::sync::Arc;

use hotledger_journal::{Disk, Error, FileDisk, Options, Recovery};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::*;

fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

/// The only test of this file: the limit is the process's. Were a write issued beyond it, the
/// kernel would end the process.
#[test]
fn beyond_it_nothing_is_written_and_it_may_be_raised() {
    let home = tempfile::tempdir().unwrap();
    let open_file = || {
        let disk: Arc<dyn Disk> = Arc::new(FileDisk::open(home.path()).unwrap());
        let options = Options { segment_bytes_max: 2 << 20, ..options() };
        let recovery = Recovery::begin(disk, options)?;
        let mut reader = recovery.reader_at(None)?;
        let seen = drain(&mut reader)?;
        Ok::<_, Error>((recovery.finish(reader)?.0, seen.len()))
    };
    // The first segment is within the limit, the second is not, and the limit is no whole block.
    limit(Some((1 << 20) + 10_000));
    let (mut journal, _) = open_file().unwrap();
    let mut added = 0;
    let refused = loop {
        match add(&mut journal, &[5; 100 << 10]) {
            Ok(_) => drop(commit(&mut journal).unwrap()),
            Err(refused) => break refused,
        }
        added += 1;
    };
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    assert!(refused.to_string().contains("file-size limit of 1058576 bytes"), "{refused}");
    assert!(!home.path().join(segment(2)).exists(), "nothing is left of it");
    limit(None);
    add(&mut journal, b"room").unwrap();
    commit(&mut journal).unwrap();
    journal.close().unwrap();

    // Below what is written, the journal can be read and not be opened to write.
    limit(Some(BLOCK));
    let refused = open_file().map(drop).unwrap_err();
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::open_existing(home.path()).unwrap());
    let mut reader = Recovery::begin_read_only(disk).unwrap().reader_at(None).unwrap();
    assert_eq!(drain(&mut reader).unwrap().len(), added + 1);
    limit(None);
    assert_eq!(open_file().unwrap().1, added + 1);
}
