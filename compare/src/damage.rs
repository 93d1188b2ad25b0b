//! One damage to the files of a store, drawn at random.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::dice::Dice;
use crate::image::{Image, Written};

/// What is done to one file. Each makes a difference: a byte that stays as it was is no damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    Flip { path: PathBuf, at: u64, bit: u8 },
    Cut { path: PathBuf, bytes: u64 },
    Zero(Written),
}

impl Damage {
    /// A bit of any byte in these places, all bytes alike.
    pub(crate) fn flip(blocks: &[Written], dice: &mut Dice) -> Result<Self> {
        let bytes = blocks.iter().map(|block| block.bytes).sum();
        ensure!(bytes > 0, "nothing was written");
        let mut at = dice.below(bytes);
        let bit = dice.below(8) as u8;
        for block in blocks {
            if at < block.bytes {
                return Ok(Self::Flip { path: block.path.clone(), at: block.at + at, bit });
            }
            at -= block.bytes;
        }
        unreachable!("the place lies in one of them");
    }

    /// Any length that cuts something off the file that was written last.
    pub(crate) fn cut(image: &Image, dice: &mut Dice) -> Result<Self> {
        let (file, used) = image.newest().context("nothing was written")?;
        Ok(Self::Cut { path: file.path.clone(), bytes: dice.below(used) })
    }

    /// Any of these blocks.
    pub(crate) fn zero(blocks: &[Written], dice: &mut Dice) -> Result<Self> {
        ensure!(!blocks.is_empty(), "nothing was written");
        Ok(Self::Zero(blocks[dice.below(blocks.len() as u64) as usize].clone()))
    }

    /// Does it to the file in this directory.
    ///
    /// # Errors
    /// The file is not there, or cannot be written.
    pub(crate) fn strike(&self, directory: &Path) -> Result<()> {
        let path = match self {
            Self::Flip { path, .. } | Self::Cut { path, .. } => path,
            Self::Zero(block) => &block.path,
        };
        let file = OpenOptions::new().read(true).write(true).open(directory.join(path))?;
        match self {
            Self::Flip { at, bit, .. } => {
                let mut byte = [0];
                file.read_exact_at(&mut byte, *at)?;
                file.write_all_at(&[byte[0] ^ (1 << bit)], *at)?;
            }
            Self::Cut { bytes, .. } => file.set_len(*bytes)?,
            Self::Zero(block) => file.write_all_at(&vec![0; block.bytes as usize], block.at)?,
        }
        Ok(())
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip { path, at, bit } => {
                write!(f, "{}: bit {bit} of byte {at} flipped", path.display())
            }
            Self::Cut { path, bytes } => write!(f, "{}: cut to {bytes} bytes", path.display()),
            Self::Zero(block) => {
                let (path, end) = (block.path.display(), block.at + block.bytes);
                write!(f, "{path}: bytes {} to {} zeroed", block.at, end - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks() -> Vec<Written> {
        let block = |at, bytes| Written { path: "a".into(), at, bytes };
        vec![block(4096, 4096), block(12288, 10)]
    }

    #[test]
    fn every_byte_of_every_block_can_be_hit_and_no_other() {
        let mut dice = Dice::new(&[1]);
        let mut hit = std::collections::BTreeSet::new();
        for _ in 0..100_000 {
            let Ok(Damage::Flip { at, bit, .. }) = Damage::flip(&blocks(), &mut dice) else {
                panic!("a flip");
            };
            assert!(bit < 8);
            hit.insert(at);
        }
        let all: Vec<u64> = (4096..8192).chain(12288..12298).collect();
        assert_eq!(hit.into_iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_strike_changes_what_it_says() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let contents = |damage: Damage| {
            std::fs::write(&path, [0xff; 8]).expect("written");
            damage.strike(directory.path()).expect("struck");
            std::fs::read(&path).expect("read")
        };
        let flip = Damage::Flip { path: "a".into(), at: 2, bit: 7 };
        assert_eq!(contents(flip), [0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(contents(Damage::Cut { path: "a".into(), bytes: 3 }), [0xff; 3]);
        let block = Written { path: "a".into(), at: 1, bytes: 6 };
        assert_eq!(contents(Damage::Zero(block)), [0xff, 0, 0, 0, 0, 0, 0, 0xff]);
    }
}
