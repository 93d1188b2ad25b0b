//! A store's directory as a crash left it, and which of its bytes were ever written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::stores::Known;

/// The unit that is zeroed: a page of the file system.
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// The unit in which bits are flipped: a sector of a disk. Smaller than a block, so that the zeros
/// with which a store fills up its blocks do not take most of the hits.
pub(crate) const SECTOR_BYTES: u64 = 512;

/// The files of a directory. Blocks of nothing but zeros are not kept: preallocated or never
/// written, they are a hole in what is laid out again.
pub(crate) struct Image {
    pub(crate) files: Vec<FileImage>,
}

pub(crate) struct FileImage {
    /// From the store's directory.
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
    modified: SystemTime,
    /// Whether the store makes it anew at every start.
    derived: bool,
}

/// A part of a file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    pub(crate) at: u64,
    pub(crate) bytes: u64,
}

impl Image {
    /// # Errors
    /// The directory cannot be read.
    pub(crate) fn take(known: &Known, directory: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for path in paths(directory)? {
            let within = path.strip_prefix(directory).expect("a path below").to_owned();
            let name = within.to_string_lossy();
            let derived = known.derived.iter().any(|end| name.ends_with(end));
            files.push(FileImage::take(&path, within, derived)?);
        }
        Ok(Self { files })
    }

    /// Writes the image into a directory that is made for it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn lay_out(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        self.files.iter().try_for_each(|file| file.lay_out(directory))
    }

    /// The blocks or sectors that hold anything but zeros.
    pub(crate) fn written(&self, unit_bytes: u64) -> Vec<Written> {
        let files = self.files.iter().filter(|file| !file.derived);
        files.flat_map(|file| file.written(unit_bytes)).collect()
    }

    /// In each block that holds something else than in an earlier image, the bytes from the first
    /// that differs to the last.
    pub(crate) fn written_since(&self, before: &Self) -> Vec<Written> {
        let mut spans = Vec::new();
        for block in self.written(BLOCK_BYTES) {
            let now = self.block(&block).expect("an image holds its own blocks");
            let zeros = vec![0; now.len()];
            let then = before.block(&block).unwrap_or(&zeros);
            let differs = |at: &usize| then.get(*at) != now.get(*at);
            let first = (0..now.len()).find(differs);
            let last = (0..now.len()).rfind(differs);
            if let (Some(first), Some(last)) = (first, last) {
                let (at, bytes) = (block.at + first as u64, (last - first) as u64 + 1);
                spans.push(Written { path: block.path, at, bytes });
            }
        }
        spans
    }

    /// The file that was written last, with the place behind its last byte that is not zero.
    pub(crate) fn newest(&self) -> Option<(&FileImage, u64)> {
        let written = self.files.iter().filter(|file| !file.derived && !file.blocks.is_empty());
        let newest = written.max_by_key(|file| (file.modified, &file.path))?;
        let (index, block) = newest.blocks.last_key_value()?;
        let used = block.iter().rposition(|byte| *byte != 0)? as u64 + 1;
        Some((newest, index * BLOCK_BYTES + used))
    }

    fn block(&self, written: &Written) -> Option<&Vec<u8>> {
        let file = self.files.iter().find(|file| file.path == written.path)?;
        file.blocks.get(&(written.at / BLOCK_BYTES))
    }
}

impl FileImage {
    fn take(path: &Path, within: PathBuf, derived: bool) -> Result<Self> {
        let contents = fs::read(path).with_context(|| format!("{} is gone", path.display()))?;
        let modified = fs::metadata(path)?.modified()?;
        let blocks = contents.chunks(BLOCK_BYTES as usize).map(<[u8]>::to_vec);
        let written = (0..).zip(blocks).filter(|(_, block)| block.iter().any(|byte| *byte != 0));
        let (bytes, blocks) = (contents.len() as u64, written.collect());
        Ok(Self { path: within, bytes, blocks, modified, derived })
    }

    fn lay_out(&self, directory: &Path) -> Result<()> {
        let path = directory.join(&self.path);
        fs::create_dir_all(path.parent().expect("a folder above"))?;
        let file = File::create(path)?;
        file.set_len(self.bytes)?;
        for (index, block) in &self.blocks {
            file.write_all_at(block, index * BLOCK_BYTES)?;
        }
        Ok(())
    }

    fn written(&self, unit_bytes: u64) -> impl Iterator<Item = Written> + '_ {
        assert!(BLOCK_BYTES.is_multiple_of(unit_bytes), "no unit lies in two blocks");
        self.blocks.iter().flat_map(move |(index, block)| {
            let starts = (index * BLOCK_BYTES..).step_by(unit_bytes as usize);
            let units = starts.zip(block.chunks(unit_bytes as usize));
            let written = units.filter(|(_, unit)| unit.iter().any(|byte| *byte != 0));
            written.map(|(at, unit)| Written {
                path: self.path.clone(),
                at,
                bytes: unit.len() as u64,
            })
        })
    }
}

/// All files below a directory, in the order of their names.
fn paths(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(paths(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::named;

    fn image(files: &[(&str, &[u8])]) -> Image {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, contents) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, contents).expect("written");
        }
        Image::take(named("sqlite").expect("a store"), directory.path()).expect("taken")
    }

    #[test]
    fn only_what_holds_something_counts_as_written() {
        let mut long = vec![0; 3 * 4096 + 10];
        (long[4096 + 700], long[3 * 4096 + 5]) = (1, 1);
        let image = image(&[("deep/a", &long), ("zeros", &[0; 5000]), ("a-shm", &[1; 10])]);
        let written = |unit_bytes| -> Vec<_> {
            image.written(unit_bytes).into_iter().map(|it| (it.at, it.bytes)).collect()
        };
        assert_eq!(written(BLOCK_BYTES), [(4096, 4096), (3 * 4096, 10)]);
        assert_eq!(written(SECTOR_BYTES), [(4096 + 512, 512), (3 * 4096, 10)]);
    }

    #[test]
    fn what_is_laid_out_is_what_was_taken() {
        let mut long = vec![0; 9000];
        (long[0], long[8999]) = (1, 2);
        let image = image(&[("deep/a", &long), ("b", b"b"), ("empty", b"")]);
        let directory = tempfile::tempdir().expect("a directory");
        image.lay_out(directory.path()).expect("laid out");
        assert_eq!(fs::read(directory.path().join("deep/a")).expect("read"), long);
        assert_eq!(fs::read(directory.path().join("b")).expect("read"), b"b");
        assert_eq!(fs::read(directory.path().join("empty")).expect("read"), b"");
    }

    #[test]
    fn what_changed_between_two_images_is_what_the_last_append_wrote() {
        let mut before = vec![1; 3 * 4096];
        before.resize(4 * 4096, 0);
        let mut after = before.clone();
        (after[4096 + 7], after[4096 + 9], after[3 * 4096 + 5]) = (2, 0, 9);
        let (before, after) = (image(&[("a", &before)]), image(&[("a", &after)]));
        let spans: Vec<_> =
            after.written_since(&before).iter().map(|it| (it.at, it.bytes)).collect();
        assert_eq!(spans, [(4096 + 7, 3), (3 * 4096 + 5, 1)]);
    }
}
