//! Reads and verifies a journal on one thread while another one uses what was read.

use std::thread;

use crossbeam_channel::bounded;
use hotledger_journal::{Batch, Reader};

use crate::error::OpenError;
use crate::limits::BATCHES_AHEAD;

/// Hands over every batch that the reader still has, in order. Ends at the first error of either.
#[expect(clippy::disallowed_methods, reason = "the thread ends with the call")]
pub(crate) fn read_ahead(
    reader: &mut Reader,
    mut using: impl FnMut(Batch) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let started = thread::scope(|scope| {
        let (sender, batches) = bounded(BATCHES_AHEAD);
        let ahead = &mut *reader;
        let read = move || {
            while let Some(batch) = ahead.next().transpose() {
                let failed = batch.is_err();
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        };
        let named = thread::Builder::new().name("hotledger-reader".to_owned());
        match named.spawn_scoped(scope, read) {
            Ok(_) => Some(batches.iter().try_for_each(|batch| using(batch?))),
            Err(_) => None,
        }
    });
    if let Some(outcome) = started {
        return outcome;
    }
    // No thread is to be had: it takes longer, and that is all.
    while let Some(batch) = reader.next()? {
        using(batch)?;
    }
    Ok(())
}
