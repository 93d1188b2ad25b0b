//! The patches of the bank, read with the header that each must have.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::root;

/// Where the patches lie, from the root.
const BANK: &str = "tests/seeded-bugs";

/// One patch and what its header says.
pub(super) struct Bug {
    pub(super) number: u8,
    /// The file's name without its ending: `NN-what-it-is`.
    pub(super) name: String,
    pub(super) patch: PathBuf,
    /// What `cargo test` is given.
    pub(super) caught_by: Vec<String>,
}

impl Bug {
    fn read(patch: PathBuf) -> Result<Bug> {
        let text = fs::read_to_string(&patch)?;
        let (header, _) = text.split_once("\n--- ").context("there is no diff")?;
        for field in ["Bug:", "Happened-to:"] {
            said(header, field)?;
        }
        let caught_by = said(header, "Caught-by:")?.split(' ').map(str::to_owned).collect();
        let name = patch.file_stem().and_then(|stem| stem.to_str()).context("its name is odd")?;
        let number = name.split('-').next().filter(|number| number.len() == 2);
        let number = number.and_then(|number| number.parse().ok());
        let number = number.context("its name does not begin with a number of two digits")?;
        Ok(Bug { number, name: name.to_owned(), patch, caught_by })
    }
}

/// What a field of the header says, which is not nothing.
fn said<'a>(header: &'a str, field: &str) -> Result<&'a str> {
    let line = header.lines().find_map(|line| line.strip_prefix(field));
    let said = line.map(str::trim).unwrap_or_default();
    ensure!(!said.is_empty(), "its header has no `{field}`");
    Ok(said)
}

/// All patches, by number.
pub(super) fn read() -> Result<Vec<Bug>> {
    let mut patches = patches(&root().join(BANK))?;
    patches.sort();
    let read = |patch: PathBuf| {
        let path = patch.display().to_string();
        Bug::read(patch).with_context(|| path)
    };
    let bugs = patches.into_iter().map(read).collect::<Result<Vec<Bug>>>()?;
    for (bug, number) in bugs.iter().zip(1..) {
        ensure!(bug.number == number, "{} should have number {number}", bug.name);
    }
    Ok(bugs)
}

fn patches(bank: &Path) -> Result<Vec<PathBuf>> {
    let mut patches = Vec::new();
    for entry in fs::read_dir(bank).with_context(|| bank.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "patch") {
            patches.push(path);
        }
    }
    Ok(patches)
}
