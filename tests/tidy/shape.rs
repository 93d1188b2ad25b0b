//! How large things may be, and how a file opens.

use super::source::Source;
use super::tree::{Finding, Tree};

/// Lines of a file without its `mod tests`; nine files of ten stay under the second figure.
const FILE_LINES_MAX: usize = 600;
const FILE_LINES_P90_MAX: usize = 400;
/// From `fn` to the closing brace.
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;
/// Lines of the `mod tests` inside a source file.
const TEST_MODULE_LINES_MAX: usize = 100;

pub(crate) fn opening_sentence(tree: &Tree) -> Vec<Finding> {
    let opens = |source: &&Source| {
        let lines = source.text.lines().map_while(|line| line.strip_prefix("//! "));
        lines.collect::<Vec<_>>().join(" ").trim_end().ends_with(['.', ':', '?', '!'])
    };
    let silent = tree.sources.iter().filter(|source| !opens(source));
    silent
        .map(|source| {
            Finding::new(
                &source.path,
                1,
                "no opening sentence. Start the file with `//! ` and one sentence, full stop \
                 included, that says what it owns.",
            )
        })
        .collect()
}

pub(crate) fn file_lines(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<_> = tree
        .sources
        .iter()
        .filter(|source| source.lines() > FILE_LINES_MAX)
        .map(|source| {
            let lines = source.lines();
            Finding::new(
                &source.path,
                0,
                format!("{lines} lines, at most {FILE_LINES_MAX}. Give each idea a file."),
            )
        })
        .collect();
    let p90 = percentile(file_sizes(tree), 90);
    if p90 >= FILE_LINES_P90_MAX {
        let message = format!(
            "one file in ten has {p90} lines or more; that figure stays below \
             {FILE_LINES_P90_MAX}. Split the longest ones: {}.",
            longest(tree)
        );
        findings.push(Finding::new("the whole tree", 0, message));
    }
    findings
}

pub(crate) fn function_lines(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for function in
            source.functions.iter().filter(|function| function.lines > FUNCTION_LINES_MAX)
        {
            let message = format!(
                "fn {} has {} lines, at most {FUNCTION_LINES_MAX}. Name its steps as functions.",
                function.name, function.lines
            );
            findings.push(Finding::new(&source.path, function.line, message));
        }
    }
    findings
}

/// Lines with an address in them may be as long as the address makes them.
pub(crate) fn line_columns(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for (line, text) in source.text.lines().enumerate() {
            let columns = text.chars().count();
            if columns > LINE_COLUMNS_MAX && !text.contains("https://") {
                let message = format!(
                    "{columns} columns, at most {LINE_COLUMNS_MAX}. Run `cargo fmt`; break \
                     what it leaves, comments and strings, by hand."
                );
                findings.push(Finding::new(&source.path, line + 1, message));
            }
        }
    }
    findings
}

pub(crate) fn test_module_lines(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for module in
            source.test_modules.iter().filter(|module| module.len() > TEST_MODULE_LINES_MAX)
        {
            let message = format!(
                "a test module of {} lines, at most {TEST_MODULE_LINES_MAX}. Move it to \
                 `{}/tests.rs` and leave `#[cfg(test)] mod tests;`.",
                module.len(),
                source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs"),
            );
            findings.push(Finding::new(&source.path, module.start, message));
        }
    }
    findings
}

/// The measured figures, for `cargo test --test tidy -- --nocapture`.
pub(crate) fn figures(tree: &Tree) -> String {
    let functions: Vec<_> = tree
        .sources
        .iter()
        .flat_map(|source| source.functions.iter().map(|function| function.lines))
        .collect();
    format!(
        "files: {}, without tests; longest: {}\nfunctions: {}",
        summary(file_sizes(tree)),
        longest(tree),
        summary(functions),
    )
}

fn summary(sizes: Vec<usize>) -> String {
    format!(
        "{}, median {} lines, p90 {}, longest {}",
        sizes.len(),
        percentile(sizes.clone(), 50),
        percentile(sizes.clone(), 90),
        percentile(sizes, 100),
    )
}

fn file_sizes(tree: &Tree) -> Vec<usize> {
    tree.sources.iter().map(Source::lines).collect()
}

fn longest(tree: &Tree) -> String {
    let mut sizes: Vec<_> =
        tree.sources.iter().map(|source| (source.lines(), &source.path)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let named: Vec<_> =
        sizes.iter().take(3).map(|(lines, path)| format!("{path} ({lines})")).collect();
    named.join(", ")
}

/// Nearest rank; 0 of nothing.
fn percentile(mut sizes: Vec<usize>, percent: usize) -> usize {
    sizes.sort_unstable();
    let rank = (sizes.len() * percent).div_ceil(100);
    rank.checked_sub(1).map_or(0, |at| sizes[at])
}
