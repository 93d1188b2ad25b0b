//! One finding of `journal verify`, as the line of JSON that is printed for it.

use hotledger_journal::verify::{END_UNKNOWN, Finding};
use serde::Serialize;

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FindingLine {
    pub(crate) file: String,
    pub(crate) offset: u64,
    /// The first position, and the one behind the last where it is known.
    pub(crate) positions: Option<(u64, Option<u64>)>,
    pub(crate) kind: &'static str,
    pub(crate) what: String,
}

impl From<Finding> for FindingLine {
    fn from(finding: Finding) -> Self {
        let Finding { file, offset, positions, kind, what, .. } = finding;
        let positions = positions.map(|(from, to)| (from, Some(to).filter(|to| *to < END_UNKNOWN)));
        Self { file, offset, positions, kind, what }
    }
}
