//! A journal write on its way through the ring, and what its end comes to.

use std::{io, sync::Arc, time::Instant};

use crate::{
    disk::{AlignedBuffer, Completion, DiskFile, WriteTicket},
    limits::BLOCK_BYTES,
};

/// A write with a share of all that it needs until it is done.
pub(super) struct Write {
    file: Arc<dyn DiskFile>,
    pub(super) offset: u64,
    pub(super) bytes: Arc<AlignedBuffer>,
    pub(super) ticket: WriteTicket,
    started: Instant,
    /// Told as failed, while the kernel may still be at it.
    pub(super) given_up: bool,
}

impl Write {
    /// Begins now.
    pub(super) fn new(
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) -> Write {
        let (file, started) = (file.clone(), Instant::now());
        Write { file, offset, bytes, ticket, started, given_up: false }
    }

    /// What the kernel's answer comes to: what it cut short or put off is written to its end here.
    pub(super) fn end(&self, result: io::Result<usize>) -> Completion {
        use io::ErrorKind::{Interrupted, WouldBlock};
        let begun = result.or_else(|error| match error.kind() {
            Interrupted | WouldBlock => Ok(0),
            _ => Err(error),
        });
        let whole = begun.and_then(|written| {
            assert!(written <= self.bytes.len(), "no more is written than there is");
            if written == self.bytes.len() {
                return Ok(());
            }
            let from = written - written % BLOCK_BYTES;
            self.file.write_all_at(self.offset + from as u64, &self.bytes[from..])
        });
        self.completion(whole)
    }

    pub(super) fn completion(&self, result: io::Result<()>) -> Completion {
        let write_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Completion { ticket: self.ticket, result, write_ns }
    }
}
