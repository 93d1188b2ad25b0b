//! The repository as the rules see it, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::source::Source;

/// Folders whose contents are made, not written.
const MADE: &[&str] = &["target", ".git", "node_modules"];

/// Everything that is looked at.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
    /// The other texts by path: documents, manifests, scripts.
    pub(crate) texts: BTreeMap<String, String>,
    /// Every file, and every folder with a `/` at its end.
    pub(crate) paths: BTreeSet<String>,
}

/// One breach of one rule.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// Counted from 1; 0 when the whole file is meant.
    pub(crate) line: usize,
    /// What is wrong, then what to do.
    pub(crate) message: String,
}

impl Tree {
    /// The repository that this test was compiled in.
    pub(crate) fn here() -> &'static Self {
        static TREE: LazyLock<Tree> = LazyLock::new(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let mut files = Vec::new();
            let mut tree = Tree::default();
            walk(root, "", &mut tree.paths, &mut files);
            for path in files {
                let text = fs::read_to_string(root.join(&path)).expect("a source text is UTF-8");
                tree.add(&path, &text);
            }
            tree.mark_test_files();
            tree
        });
        &TREE
    }

    /// A repository of a few files, to see a rule catch what it is for.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            for (slash, _) in path.match_indices('/') {
                tree.paths.insert(path[..=slash].to_owned());
            }
            tree.paths.insert((*path).to_owned());
            tree.add(path, text);
        }
        tree.mark_test_files();
        tree
    }

    /// The sources whose path starts with one of these.
    pub(crate) fn under(&self, folders: &[&str]) -> impl Iterator<Item = &Source> {
        self.sources
            .iter()
            .filter(|source| folders.iter().any(|folder| source.path.starts_with(folder)))
    }

    fn add(&mut self, path: &str, text: &str) {
        if path.ends_with(".rs") {
            self.sources.push(Source::new(path, text));
        } else {
            self.texts.insert(path.to_owned(), text.to_owned());
        }
    }

    /// A file declared by `#[cfg(test)] mod name;` ships nothing, nor does what lies in its folder.
    fn mark_test_files(&mut self) {
        let mut stems = Vec::new();
        for source in &self.sources {
            let stem = source.path.trim_end_matches(".rs");
            let home = match stem.rsplit_once('/') {
                Some((folder, "lib" | "main" | "mod")) => folder,
                _ => stem,
            };
            stems.extend(source.outer_test_modules().map(|name| format!("{home}/{name}")));
        }
        for source in &mut self.sources {
            let belongs = |stem: &String| {
                source
                    .path
                    .strip_prefix(stem)
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            };
            if stems.iter().any(belongs) {
                source.ship_nothing();
            }
        }
    }
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Collects the paths below a folder, and the files that are worth reading.
fn walk(root: &Path, folder: &str, paths: &mut BTreeSet<String>, files: &mut Vec<String>) {
    let entries = fs::read_dir(root.join(folder)).expect("the repository can be read");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry can be read")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}{name}");
        if entry.file_type().expect("an entry has a type").is_dir() {
            // A data directory of a trial run lies at the root and is called `…-data`.
            if !MADE.contains(&name.as_str()) && !name.ends_with("-data") {
                let below = format!("{path}/");
                walk(root, &below, paths, files);
                paths.insert(below);
            }
        } else {
            let read = path.ends_with(".rs") || path.ends_with(".md") || path.ends_with(".toml");
            if read || path == ".ci/run" {
                files.push(path.clone());
            }
            paths.insert(path);
        }
    }
}
