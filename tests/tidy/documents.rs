//! What the documents promise: the paths they name exist, and the map stays readable.

use super::tree::{Finding, Tree};

const MAP: &str = "ARCHITECTURE.md";
const MAP_LINES_MAX: usize = 250;
/// The command that a stranger runs first and CI too, in the same words.
const TEST_COMMAND: &str = "cargo test --workspace";
/// A name that ends so is a file of the repository, even without a folder before it.
const SOURCE_ENDINGS: &[&str] = &[".rs", ".md", ".toml"];

/// Every path in backticks or behind a link exists.
///
/// A path may be given from the root, from the document's folder, or from inside a crate, as far
/// up as makes it clear: `write/writer.rs`. `{a,b}` stands for both; what follows a `*` or `<` is
/// not looked at. Code blocks are not looked at either.
pub(crate) fn paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts.iter().filter(|(path, _)| path.ends_with(".md")) {
        let mut fenced = false;
        for (line, text) in text.lines().enumerate() {
            if text.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                for named in missing(tree, path, text) {
                    let message =
                        format!("`{named}` does not exist. Name what does, or take it out.");
                    findings.push(Finding::new(path, line + 1, message));
                }
            }
        }
    }
    findings
}

pub(crate) fn map(tree: &Tree) -> Vec<Finding> {
    let lines = tree.texts.get(MAP).map_or(0, |text| text.lines().count());
    match lines {
        0 => vec![Finding::new(MAP, 0, "missing. It is the map: write it.")],
        1..=MAP_LINES_MAX => Vec::new(),
        _ => {
            let message = format!(
                "{lines} lines, at most {MAP_LINES_MAX}. Move details to the files they are about."
            );
            vec![Finding::new(MAP, 0, message)]
        }
    }
}

/// README and CI give the same test command.
pub(crate) fn test_command(tree: &Tree) -> Vec<Finding> {
    let says = |path: &&str| {
        let text = tree.texts.get(*path).map(String::as_str).unwrap_or_default();
        let quoted = format!("`{TEST_COMMAND}`");
        let runs = |line: &str| line.split(" #").next().is_some_and(|it| it.trim() == TEST_COMMAND);
        text.lines().any(|line| runs(line) || line.contains(&quoted))
    };
    let silent = ["README.md", ".ci/run"].into_iter().filter(|path| !says(path));
    silent
        .map(|path| {
            let message = format!("does not say `{TEST_COMMAND}`. CI runs what the README says.");
            Finding::new(path, 0, message)
        })
        .collect()
}

/// The paths in one line of a document that lead nowhere.
fn missing(tree: &Tree, document: &str, line: &str) -> Vec<String> {
    let quoted = line.split('`').skip(1).step_by(2).filter(|name| looks_like_a_path(tree, name));
    let linked = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let linked = linked.filter(|target| !target.is_empty() && !target.contains(':'));
    let named = quoted.chain(linked).flat_map(unfold);
    named.filter(|name| !exists(tree, document, name)).collect()
}

fn looks_like_a_path(tree: &Tree, name: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || "._-/{},*<>:".contains(letter);
    let relative = name.chars().all(plain) && !name.contains("::") && !name.starts_with('/');
    let bare = name.split(':').next().unwrap_or_default();
    let ends =
        SOURCE_ENDINGS.iter().any(|ending| bare.len() > ending.len() && bare.ends_with(ending));
    // What is made, not written: build output and the data directories of trial runs.
    let first = name.split('/').next().unwrap_or_default();
    let made = first == "target" || first.ends_with("-data");
    let known = tree.paths.contains(&format!("{first}/"));
    relative && !made && (ends || name.ends_with('/') || name.contains('/') && known)
}

/// `src/{a,b}.rs:12` as `src/a.rs` and `src/b.rs`; a pattern as the folder before it.
fn unfold(name: &str) -> Vec<String> {
    let name = name.split(':').next().unwrap_or_default();
    if let Some((head, rest)) = name.split_once('{')
        && let Some((choices, tail)) = rest.split_once('}')
    {
        return choices
            .split(',')
            .flat_map(|choice| unfold(&format!("{head}{choice}{tail}")))
            .collect();
    }
    match name.find(['*', '<']) {
        Some(at) => {
            let folder = name[..at].rfind('/').map_or("", |slash| &name[..=slash]);
            vec![folder.to_owned()]
        }
        None => vec![name.to_owned()],
    }
}

fn exists(tree: &Tree, document: &str, name: &str) -> bool {
    let folder = document.rfind('/').map_or("", |slash| &document[..=slash]);
    let beside = normal(&format!("{folder}{name}"));
    let inside = format!("/{name}");
    let named = |path: &String| {
        let path = path.trim_end_matches('/');
        let (inside, name) = (inside.trim_end_matches('/'), name.trim_end_matches('/'));
        path == name || path == beside.trim_end_matches('/') || path.ends_with(inside)
    };
    name.is_empty() || tree.paths.iter().any(named)
}

/// Takes `./` and `folder/../` out of a path.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
