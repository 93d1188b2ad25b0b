//! Reads and verifies a journal on one thread while another one uses what was read.

use std::thread;

use crossbeam_channel::bounded;
use hotledger_journal::{Batch, Reader};

use crate::error::OpenError;

/// Journal bytes that are read without a thread beside: most tails are shorter, and a simulator,
/// whose journals are, steps recovery in one order.
pub(crate) const READ_AHEAD_AFTER: u64 = 16 << 20;

/// Batches that wait for whoever uses them; each keeps up to 1 MiB.
const BATCHES_AHEAD: usize = 8;

/// Hands over every batch that the reader still has, in order. Ends at the first error of either.
#[expect(clippy::disallowed_methods, reason = "the thread ends with the call")]
pub(crate) fn read_ahead(
    reader: &mut Reader,
    mut using: impl FnMut(Batch) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    thread::scope(|scope| {
        let (sender, batches) = bounded(BATCHES_AHEAD);
        let read = move || {
            while let Some(batch) = reader.next().transpose() {
                let failed = batch.is_err();
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        };
        let named = thread::Builder::new().name("hotledger-reader".to_owned());
        named.spawn_scoped(scope, read).map_err(|error| OpenError::Threads(error.into()))?;
        batches.iter().try_for_each(|batch| using(batch?))
    })
}
