//! Whatever is refused at opening, for whatever reason, every file stays as it was.

mod support;

use std::sync::Arc;

use hotledger_journal::{Disk, Error, FileDisk, MemoryDisk, Options, Recovery};
use support::*;

fn refused(disk: &MemoryDisk, options: Options) -> Error {
    let before = contents(disk);
    let refusal = match open_with(disk, options) {
        Ok(_) => panic!("it was opened"),
        Err(refusal) => refusal,
    };
    assert!(before == contents(disk), "a byte changed");
    refusal
}

#[test]
fn damage() {
    let sound = crashed(4);
    for batch in data_batches(&sound).iter().take(3) {
        for byte in [0, 12, 90, 165, batch.stored_bytes() - 1] {
            let disk = sound.copy();
            flip(&disk, &segment(1), batch.offset() + byte, 2);
            assert!(matches!(refused(&disk, options()), Error::Corrupt { .. }));
        }
    }
    let disk = sound.copy();
    flip(&disk, &segment(1), 30, 2);
    assert!(matches!(refused(&disk, options()), Error::Corrupt { offset: 0, .. }));
}

#[test]
fn a_newer_version_or_an_unknown_kind() {
    let sound = crashed(3);
    let last = data_batches(&sound).pop().unwrap();
    for (at, value) in [(8, 2), (12, 77), (14, 1)] {
        let disk = sound.copy();
        let mut header = last.stored()[..160].to_vec();
        header[at] = value;
        let crc = crc32c::crc32c(&header[..156]);
        header[156..].copy_from_slice(&crc.to_le_bytes());
        overwrite(&disk, &segment(1), last.offset(), &header);
        let Error::UnknownFormat { file, offset, .. } = refused(&disk, options()) else {
            panic!("an unknown format was taken for something else");
        };
        assert_eq!((file, offset), (segment(1), last.offset()));
    }
    let disk = sound.copy();
    let mut header = file(&disk, &segment(1))[..172].to_vec();
    header[8] = 2;
    let crc = crc32c::crc32c(&header[..168]);
    header[168..].copy_from_slice(&crc.to_le_bytes());
    overwrite(&disk, &segment(1), 0, &header);
    assert!(matches!(refused(&disk, options()), Error::UnknownFormat { offset: 0, .. }));
}

#[test]
fn an_unknown_entry_kind_with_a_sound_checksum() {
    let disk = crashed(1);
    let batch = data_batches(&disk).pop().unwrap();
    let mut stored = batch.stored().to_vec();
    stored[164] = 9;
    let used = u32::from_le_bytes(stored[76..80].try_into().unwrap()) as usize;
    let body = crc32c::crc32c(&stored[160..used]).to_le_bytes();
    stored[152..156].copy_from_slice(&body);
    let end = stored.len();
    stored[end - 4..].copy_from_slice(&body);
    let header = crc32c::crc32c(&stored[..156]).to_le_bytes();
    stored[156..160].copy_from_slice(&header);
    overwrite(&disk, &segment(1), batch.offset(), &stored);
    assert!(matches!(refused(&disk, options()), Error::UnknownFormat { .. }));
}

#[test]
fn a_second_opening() {
    let disk = crashed(2);
    let (journal, ..) = open(&disk).unwrap();
    assert!(matches!(refused(&disk, options()), Error::Locked));
    assert!(matches!(read_all(&disk), Err(Error::Locked)));
    drop(journal);
    let reading = Recovery::begin_read_only(Arc::new(disk.clone())).unwrap();
    assert_eq!(read_all(&disk).unwrap().len(), 2, "readers share");
    assert!(matches!(refused(&disk, options()), Error::Locked));
    drop(reading);
    assert!(open(&disk).is_ok());
}

#[test]
fn a_journal_that_is_not_there() {
    let must_exist = Options { must_exist: true, ..options() };
    let disk = MemoryDisk::new();
    assert!(matches!(refused(&disk, must_exist.clone()), Error::Missing));
    assert!(disk.list().unwrap().is_empty());
    // A crash while the first segment was being prepared leaves no journal either.
    let fresh = format!("{}.fresh", segment(1));
    let file = disk.create(&fresh, hotledger_journal::Access::Write).unwrap();
    file.write_all_at(0, &[0; 8192]).unwrap();
    assert!(matches!(refused(&disk, must_exist), Error::Missing));
    assert!(open(&disk).unwrap().1.created);
    // The first segment cut to nothing is not a journal that is not there.
    truncate(&disk, &segment(1), 0);
    assert!(matches!(refused(&disk, options()), Error::Corrupt { .. }));
}

#[test]
fn options_beyond_the_limits() {
    let disk = MemoryDisk::new();
    for (first, max) in
        [(1, 1 << 20), (1 << 20, 1 << 19), (1 << 20, 1 << 40), (1 << 20 | 1, 2 << 20)]
    {
        let options = Options { segment_bytes_first: first, segment_bytes_max: max, ..options() };
        assert!(matches!(refused(&disk, options), Error::InvalidOptions { .. }));
    }
    for names in [vec![String::new()], vec!["x".repeat(127)], vec!["x".into(); 4097]] {
        let options = Options { names, ..options() };
        assert!(matches!(refused(&disk, options), Error::InvalidOptions { .. }));
    }
    let names = vec!["x".repeat(126); 4096];
    assert!(open_with(&disk, Options { names, ..options() }).is_ok(), "the limits themselves");
}

#[test]
fn paths_that_are_no_directory() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, b"mine").unwrap();
    assert!(matches!(FileDisk::open(&file), Err(Error::NotADirectory { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    let nowhere = home.path().join("a/b");
    assert!(matches!(FileDisk::open(&nowhere), Err(Error::CannotCreate { .. })));
    assert!(matches!(FileDisk::open_existing(&nowhere), Err(Error::Missing)));
    assert!(!home.path().join("a").exists());
}

#[test]
fn a_symbolic_link_in_place_of_a_segment() {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = home.path().join("elsewhere");
    std::fs::write(&elsewhere, vec![0; 1 << 20]).unwrap();
    let path = home.path().join("journal");
    let disk = Arc::new(FileDisk::open(&path).unwrap());
    std::os::unix::fs::symlink(&elsewhere, path.join(segment(1))).unwrap();
    assert!(matches!(Recovery::begin(disk, options()), Err(Error::Io { .. })));
}
