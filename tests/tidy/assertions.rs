//! How densely the code that must not lose anything states what it relies on.

use super::source::{Source, words};
use super::tree::{Finding, Tree};

/// Where it is counted: what writes, reads and recovers the journal.
const WITHIN: &[&str] = &["journal/src/", "src/recover"];
/// Lines of shipped code per assertion, over all of it: blank lines and comments do not count.
///
/// The aim is 25. Until the code is there, this is what it has reached; it is only ever lowered.
pub(crate) const LINES_PER_ASSERTION_MAX: usize = 30;
const LINES_PER_ASSERTION_AIM: usize = 25;
/// What counts: it is on in release, and it states something that is wrong only by a bug.
///
/// `expect` does not count: it is how a value is taken out. Nor does an error that is returned:
/// that is an answer to the world.
const ASSERTIONS: &[&str] = &["assert", "assert_eq", "assert_ne", "unreachable"];

pub(crate) fn density(tree: &Tree) -> Vec<Finding> {
    let (lines, assertions) = counted(tree);
    if lines <= assertions.max(1) * LINES_PER_ASSERTION_MAX {
        return Vec::new();
    }
    let message = format!(
        "{assertions} assertions in {lines} lines, at least one in {LINES_PER_ASSERTION_MAX}. \
         Assert in pairs: before bytes leave and when they come back, when a position is given \
         out and when it is used. Fewest: {}.",
        barest(tree)
    );
    vec![Finding::new(&WITHIN.join(" and "), 0, message)]
}

/// The measured figures, for `cargo test --test tidy -- --nocapture`.
pub(crate) fn figures(tree: &Tree) -> String {
    let (lines, assertions) = counted(tree);
    format!(
        "assertions in {}: {assertions} in {lines} lines, one in {}, aim {}; fewest: {}",
        WITHIN.join(" and "),
        lines.div_ceil(assertions.max(1)),
        LINES_PER_ASSERTION_AIM,
        barest(tree)
    )
}

fn counted(tree: &Tree) -> (usize, usize) {
    let each = tree.under(WITHIN).map(|source| (lines(source), assertions(source)));
    each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn lines(source: &Source) -> usize {
    source.shipped.lines().filter(|line| !line.trim().is_empty()).count()
}

fn assertions(source: &Source) -> usize {
    let is_one = |(at, word): &(usize, &str)| {
        ASSERTIONS.contains(word) && source.shipped[at + word.len()..].starts_with('!')
    };
    words(&source.shipped).filter(is_one).count()
}

/// The three files that lack most.
fn barest(tree: &Tree) -> String {
    let lacking = |source: &Source| {
        (lines(source) / LINES_PER_ASSERTION_AIM).saturating_sub(assertions(source))
    };
    let mut files: Vec<_> = tree.under(WITHIN).map(|source| (lacking(source), source)).collect();
    files.sort_by_key(|(lacking, source)| (std::cmp::Reverse(*lacking), &source.path));
    let named: Vec<_> = files
        .iter()
        .take(3)
        .map(|(_, source)| format!("{} ({} in {})", source.path, assertions(source), lines(source)))
        .collect();
    named.join(", ")
}
