//! Who may do what a rule keeps to one place, and why: the only table of exceptions.

/// Lets one file or folder do what a rule otherwise forbids.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) rule: &'static str,
    /// A file, or a folder with a `/` at its end.
    pub(crate) path: &'static str,
    /// Why nothing better serves.
    pub(crate) reason: &'static str,
}

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "time",
        path: "journal/src/disk/",
        reason: "a write is timed by the disk that made it; nothing is decided by the figure",
    },
    Exception {
        rule: "threads",
        path: "src/ahead.rs",
        reason: "recovery has no stages yet; the thread ends with the call that began it",
    },
    Exception {
        rule: "unsafe",
        path: "journal/src/disk/uring.rs",
        reason: "no safe crate lends memory to io_uring without a runtime of its own",
    },
    Exception {
        rule: "unsafe",
        path: "src/prefetch.rs",
        reason: "stable Rust has no safe way to ask for a prefetch; see docs/decisions/0009",
    },
];

/// The exceptions of a rule.
pub(crate) fn from(rule: &str) -> impl Iterator<Item = &'static Exception> {
    EXCEPTIONS.iter().filter(move |exception| exception.rule == rule)
}
