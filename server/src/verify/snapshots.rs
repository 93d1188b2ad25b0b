//! The snapshots beside the journal, each held against the batch it was taken behind.

use std::io;
use std::sync::Arc;

use hotledger::{AuditedSnapshot, SnapshotFlaw, audit_snapshots};
use hotledger_journal::{Batch, Disk};
use uuid::Uuid;

use crate::finding::FindingLine;

/// Every snapshot, and whether its batch was seen.
pub(super) struct Snapshots {
    all: Vec<(AuditedSnapshot, bool)>,
}

impl Snapshots {
    pub(super) fn audit(disk: &Arc<dyn Disk>) -> io::Result<Self> {
        let audited = audit_snapshots(disk)?;
        Ok(Self { all: audited.into_iter().map(|snapshot| (snapshot, false)).collect() })
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Notes which snapshots were taken right behind this batch.
    pub(super) fn see(&mut self, batch: &Batch) {
        for (snapshot, seen) in &mut self.all {
            if let Ok(facts) = &snapshot.found
                && facts.cursor.sequence == batch.sequence() + 1
            {
                *seen |= facts.cursor == batch.cursor_after();
            }
        }
    }

    pub(super) fn findings(
        &self,
        journal: Option<Uuid>,
    ) -> impl Iterator<Item = FindingLine> + use<'_> {
        self.all.iter().filter_map(move |(snapshot, seen)| {
            let (kind, what) = match &snapshot.found {
                Err(flaw @ SnapshotFlaw::UnknownFormat(_)) => ("unknown_format", flaw.to_string()),
                Err(flaw) => ("snapshot", flaw.to_string()),
                Ok(facts) if journal.is_some_and(|journal| journal != facts.journal_id) => {
                    ("snapshot", "the snapshot belongs to another journal".to_owned())
                }
                Ok(_) if !seen => {
                    let what = "the journal does not have the batch that the snapshot was taken \
                                behind: that was lost, or rolled back, or changed";
                    ("snapshot", what.to_owned())
                }
                Ok(_) => return None,
            };
            let file = snapshot.file.clone();
            Some(FindingLine { file, offset: 0, positions: None, kind, what })
        })
    }
}
