//! What no code says, and what only one place in the code says.

use super::exceptions;
use super::lexer::is_word;
use super::source::{Source, line_of, words};
use super::tree::{Finding, Tree};

/// The crates that an embedder gets; binaries, tests and benches are free to use the machine.
const LIBRARIES: &[&str] = &["src/", "journal/src/", "domains/src/"];

/// Code that is kept to one place.
#[derive(Debug)]
pub(crate) struct Confined {
    /// What exceptions are named by.
    pub(crate) rule: &'static str,
    /// As it stands in the code; where it starts or ends in a letter, a whole word.
    calls: &'static [&'static str],
    /// The one place.
    home: &'static str,
    remedy: &'static str,
}

/// Each holds in the shipped code of the libraries; tests may do as they like.
pub(crate) const CONFINED: &[Confined] = &[
    Confined {
        rule: "threads",
        calls: &["spawn(", "spawn_scoped(", "thread::Builder", "thread::scope"],
        home: "src/threads.rs",
        remedy: "Make the stage a struct with a `step()` and let src/threads.rs run it, so that \
                 the same steps run in any order under test.",
    },
    Confined {
        rule: "time",
        calls: &["Instant", "SystemTime", "now_v7", "clock_gettime"],
        home: "src/clock.rs",
        remedy: "Take the time from the clock in src/clock.rs, so that it can be set under test.",
    },
    Confined {
        rule: "files",
        calls: &["fs", "OpenOptions", ".exists()", ".is_dir()", ".is_file()", ".canonicalize()"],
        home: "journal/src/disk/",
        remedy: "Go through the disk trait of journal/src/disk/, the only door to files: faults \
                 are injected there.",
    },
];

pub(crate) fn confined(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in CONFINED {
        let outside = tree.under(LIBRARIES).filter(|source| {
            !source.path.starts_with(rule.home)
                && exceptions::from(rule.rule)
                    .all(|exception| !source.path.starts_with(exception.path))
        });
        for source in outside {
            for call in rule.calls {
                for at in occurrences(&source.shipped, call) {
                    let message = format!(
                        "`{call}` belongs in {} ({}). {}",
                        rule.home, rule.rule, rule.remedy
                    );
                    findings.push(Finding::new(
                        &source.path,
                        line_of(&source.shipped, at),
                        message,
                    ));
                }
            }
        }
    }
    findings
}

/// `unsafe` needs a row in the table of exceptions, in tests too.
pub(crate) fn unsafe_code(tree: &Tree) -> Vec<Finding> {
    let excused = |source: &&Source| {
        exceptions::from("unsafe").all(|exception| !source.path.starts_with(exception.path))
    };
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(excused) {
        for at in occurrences(&source.code, "unsafe") {
            let message = "`unsafe`. Use a proven crate; failing that, one file of at most 200 \
                           lines with a SAFETY comment per block, a run under Miri or loom, and \
                           a row in tests/tidy/exceptions.rs.";
            findings.push(Finding::new(&source.path, line_of(&source.code, at), message));
        }
    }
    findings
}

/// What guards the journal stays on in release.
pub(crate) fn debug_assertions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.under(&["journal/src/", "src/write/", "src/recover/"]) {
        for (at, word) in
            words(&source.shipped).filter(|(_, word)| word.starts_with("debug_assert"))
        {
            let message = format!(
                "`{word}!` is off in release. Use `{}!`: what guards the journal stays on.",
                word.trim_start_matches("debug_")
            );
            findings.push(Finding::new(&source.path, line_of(&source.shipped, at), message));
        }
    }
    findings
}

/// Marks of work that is not done.
pub(crate) fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let calls = ["todo!", "unimplemented!", "dbg!"].map(|mark| (mark, &source.code));
        let notes = ["FIXME", "TODO", "XXX"].map(|mark| (mark, &source.comments));
        for (mark, text) in calls.into_iter().chain(notes) {
            for at in occurrences(text, mark) {
                let message = format!("`{mark}`. Finish it, or take it out and open an issue.");
                findings.push(Finding::new(&source.path, line_of(text, at), message));
            }
        }
    }
    findings
}

/// An exception that excuses nothing is a hole left open.
pub(crate) fn stale_exceptions(tree: &Tree) -> Vec<Finding> {
    let uses = |exception: &&exceptions::Exception| {
        let confined = CONFINED.iter().find(|rule| rule.rule == exception.rule);
        let calls: &[&str] = match (exception.rule, confined) {
            (_, Some(rule)) => rule.calls,
            ("unsafe", _) => &["unsafe"],
            ("sides" | "circles", _) => &["crate", "super"],
            (unknown, _) => panic!("no rule is called {unknown}: mend tests/tidy/exceptions.rs"),
        };
        let needs = |source: &Source| {
            calls.iter().any(|call| occurrences(&source.code, call).next().is_some())
        };
        tree.under(&[exception.path]).any(needs)
    };
    let idle = exceptions::EXCEPTIONS.iter().filter(|exception| !uses(exception));
    idle.map(|exception| {
        let message = format!(
            "nothing there needs the exception from `{}` that says: {}. Delete it.",
            exception.rule, exception.reason
        );
        Finding::new(exception.path, 0, message)
    })
    .collect()
}

/// Where some code occurs as whole words.
fn occurrences<'a>(text: &'a str, call: &'a str) -> impl Iterator<Item = usize> + 'a {
    let starts_word = call.starts_with(is_word);
    let ends_word = call.ends_with(is_word);
    text.match_indices(call).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back().is_some_and(is_word);
        let after = text[at + call.len()..].chars().next().is_some_and(is_word);
        !(starts_word && before || ends_word && after)
    })
}
