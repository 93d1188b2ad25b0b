//! Receipts held against the journal: is the history still the one they were given for.

use hotledger::{Chain, Position};
use hotledger_journal::{BLOCK_BYTES, Batch, segment_name};

use crate::expectation::Expectation;
use crate::finding::FindingLine;

/// What was found for one of them so far.
#[derive(Clone, Debug)]
enum Standing {
    Unseen,
    Met,
    /// The batch that holds the position has another chain.
    Other {
        file: String,
        offset: u64,
        chain: Chain,
    },
}

/// All of them, and the end of what was seen.
pub(super) struct Expectations {
    all: Vec<(Expectation, Standing)>,
    /// Where the next batch would be, and what position would follow.
    end: (String, u64, u64),
}

impl Expectations {
    pub(super) fn new(expected: impl Iterator<Item = Expectation>) -> Self {
        let all = expected.map(|expectation| (expectation, Standing::Unseen)).collect();
        Self { all, end: (segment_name(1), BLOCK_BYTES as u64, 0) }
    }

    pub(super) fn see(&mut self, batch: &Batch) {
        if self.all.is_empty() {
            return;
        }
        for (expectation, standing) in &mut self.all {
            let Expectation { position, chain } = *expectation;
            let within = batch.first_position()..batch.end_position();
            let holds = position.index().is_some_and(|index| within.contains(&index));
            if batch.chain() == chain && (holds || holds_decision_at(batch, position)) {
                *standing = Standing::Met;
            } else if holds && !matches!(standing, Standing::Met) {
                let (file, offset) = (segment_name(batch.segment()), batch.offset());
                *standing = Standing::Other { file, offset, chain: batch.chain() };
            }
        }
        let cursor = batch.cursor_after();
        self.end = (segment_name(cursor.segment), cursor.offset, cursor.position);
    }

    /// What is not met.
    pub(super) fn findings(&self) -> impl Iterator<Item = FindingLine> + use<'_> {
        self.all.iter().filter_map(move |(expectation, standing)| {
            let (file, offset, kind, what) = self.judge(*expectation, standing)?;
            let positions = expectation.position.index().map(|index| (index, Some(index + 1)));
            Some(FindingLine { file, offset, positions, kind, what })
        })
    }

    fn judge(
        &self,
        Expectation { position, chain: expected }: Expectation,
        standing: &Standing,
    ) -> Option<(String, u64, &'static str, String)> {
        let (file, offset, end) = self.end.clone();
        match standing {
            Standing::Met => None,
            Standing::Other { file, offset, chain } => {
                let what = format!(
                    "the batch that holds position {position} has the chain {chain}, not \
                     {expected}: this is another history"
                );
                Some((file.clone(), *offset, "forked", what))
            }
            Standing::Unseen if position.events() > end || end == 0 => {
                let what = format!(
                    "the journal ends before position {position}, which was acknowledged with \
                     the chain {expected}"
                );
                Some((file, offset, "rolled_back", what))
            }
            // Every position before the end is in a batch that was seen, or in a hole.
            Standing::Unseen if position != Position::ORIGIN => {
                let what = format!("what held position {position} is damaged");
                Some((file, offset, "unproven", what))
            }
            Standing::Unseen => {
                let what = format!("no batch decided at {position} has the chain {expected}");
                Some((file, offset, "forked", what))
            }
        }
    }
}

/// Whether a command that left no event was decided at this position in this batch.
fn holds_decision_at(batch: &Batch, position: Position) -> bool {
    batch
        .entries()
        .map_while(Result::ok)
        .any(|entry| entry.event_count() == 0 && entry.first_position() == position.events())
}

#[cfg(test)]
mod tests;
