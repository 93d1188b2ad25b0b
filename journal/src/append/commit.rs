//! Batches in flight: completed by the disk in any order, reported durable in theirs.

use std::{collections::VecDeque, sync::Arc};

use super::{pool::BufferPool, proof::Proof};
use crate::{
    chain::Chain,
    disk::{AlignedBuffer, Completion, DiskFile, WriteQueue, WriteTicket},
    error::Error,
    limits::WRITES_IN_FLIGHT_MAX,
    names::Names,
    read::{Batch, Durable},
    record::{BatchHeader, BatchKind, segment_name},
};

/// A batch that has become durable.
#[derive(Debug)]
#[must_use = "whoever waits for this batch must be answered"]
pub struct Written {
    /// The batch.
    pub batch: Batch,
    /// That it is durable, and how much so.
    pub proof: Proof,
    /// Nanoseconds the disk took for it.
    pub write_ns: u64,
}

/// What was submitted and is not yet durable.
pub(super) struct Committer {
    queue: Box<dyn WriteQueue>,
    in_flight_max: usize,
    pending: VecDeque<Pending>,
    /// Durable before anybody asked: a roll waits for all writes.
    ready: VecDeque<Written>,
    buffers: BufferPool,
    durable: Arc<Durable>,
    proof: Proof,
    /// Whether the disk keeps what it is given.
    keeps: bool,
    poison: Option<Error>,
    /// Sequence behind the newest durable batch with entries.
    durable_data: u64,
    bytes_written: u64,
}

struct Pending {
    batch: Batch,
    write_ns: Option<u64>,
}

impl Committer {
    pub(super) fn proof(&self) -> Proof {
        self.proof
    }

    pub(super) fn new(
        queue: Box<dyn WriteQueue>,
        durable: Arc<Durable>,
        proof: Proof,
        keeps: bool,
    ) -> Self {
        let in_flight_max = queue.in_flight_max();
        assert!(
            (1..=WRITES_IN_FLIGHT_MAX).contains(&in_flight_max),
            "let the disk take 1 to {WRITES_IN_FLIGHT_MAX} writes in flight, not {in_flight_max}"
        );
        Committer {
            queue,
            in_flight_max,
            pending: VecDeque::with_capacity(in_flight_max),
            ready: VecDeque::with_capacity(in_flight_max),
            buffers: BufferPool::new(),
            durable,
            proof,
            keeps,
            poison: None,
            durable_data: 0,
            bytes_written: 0,
        }
    }

    pub(super) fn can_submit(&self) -> bool {
        self.pending.len() < self.in_flight_max
    }

    pub(super) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn poison(&self) -> Option<&Error> {
        self.poison.as_ref()
    }

    pub(super) fn durable(&self) -> &Arc<Durable> {
        &self.durable
    }

    pub(super) fn durable_data(&self) -> u64 {
        self.durable_data
    }

    pub(super) fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Whether the disk keeps what it is given.
    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }

    pub(super) fn take_buffer(&mut self) -> Arc<AlignedBuffer> {
        self.buffers.take()
    }

    /// Hands a sealed batch to the disk; hashes it while it is being written.
    pub(super) fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        bytes: Arc<AlignedBuffer>,
        header: BatchHeader,
        names: &Arc<Names>,
    ) -> Chain {
        assert!(self.can_submit(), "ask can_submit before submit");
        assert!(self.poison.is_none(), "nothing is written after a failed write");
        assert_eq!(bytes.len(), header.byte_length as usize, "a batch is written whole");
        assert!(header.watermark <= self.durable.sequence(), "only what is durable is called so");
        let ticket = WriteTicket(header.sequence);
        self.queue.submit(file, header.offset, bytes.clone(), ticket);
        let chain = if self.keeps { Chain::of(&bytes) } else { Chain::ZERO };
        let batch = Batch::new(bytes, 0, header, chain, names.clone());
        let last = self.pending.back().map(|pending| pending.batch.sequence());
        assert!(last.is_none_or(|last| last + 1 == header.sequence), "sequences have no gap");
        self.pending.push_back(Pending { batch, write_ns: None });
        assert!(self.pending.len() <= self.in_flight_max, "what is in flight is bounded");
        chain
    }

    /// The next batch in order that has become durable and holds entries.
    pub(super) fn complete(&mut self, wait: bool) -> Result<Option<Written>, Error> {
        if let Some(poison) = &self.poison {
            return Err(poison.clone());
        }
        if let Some(written) = self.ready.pop_front() {
            return Ok(Some(written));
        }
        loop {
            if let Some(written) = self.next_durable() {
                return Ok(Some(written));
            }
            if !self.reap(wait)? {
                return Ok(None);
            }
        }
    }

    /// Waits until everything submitted is durable.
    pub(super) fn drain(&mut self) -> Result<(), Error> {
        self.wait_until(|this| this.pending.is_empty())?;
        assert!(self.can_submit(), "with nothing in flight a slot is free");
        Ok(())
    }

    /// Waits until another batch may be submitted.
    pub(super) fn wait_for_slot(&mut self) -> Result<(), Error> {
        self.wait_until(Committer::can_submit)
    }

    /// Puts aside what becomes durable until it is enough.
    fn wait_until(&mut self, enough: impl Fn(&Committer) -> bool) -> Result<(), Error> {
        loop {
            while let Some(written) = self.next_durable() {
                self.ready.push_back(written);
            }
            if enough(self) {
                return Ok(());
            }
            assert!(!self.pending.is_empty(), "there is something to wait for");
            self.reap(true)?;
        }
    }

    /// Stops everything for good; answers what every call answers from now on.
    pub(super) fn fail(&mut self, cause: Error) -> Error {
        let poison = self.poison.get_or_insert_with(|| Error::Poisoned(Arc::new(cause)));
        poison.clone()
    }

    /// Takes note of one completed write; `false` where there is none.
    fn reap(&mut self, wait: bool) -> Result<bool, Error> {
        if let Some(poison) = &self.poison {
            return Err(poison.clone());
        }
        if self.pending.is_empty() {
            return Ok(false);
        }
        let Some(completion) = self.queue.complete(wait) else {
            assert!(!wait, "WriteQueue::complete must wait while a write is in flight");
            return Ok(false);
        };
        self.note(completion)?;
        Ok(true)
    }

    fn note(&mut self, completion: Completion) -> Result<(), Error> {
        let sequence = completion.ticket.0;
        let first = self.pending.front().expect("something is in flight").batch.sequence();
        let at = sequence.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        let pending = at.and_then(|at| self.pending.get_mut(at));
        let pending = pending.expect("a disk completes only what was submitted, and once");
        if let Err(error) = completion.result {
            let what = format!("write {}", segment_name(pending.batch.segment()));
            return Err(self.fail(Error::from_io(what, error)));
        }
        assert!(pending.write_ns.is_none(), "a disk completes every write once");
        pending.write_ns = Some(completion.write_ns);
        Ok(())
    }

    /// Takes the next batch with entries out of what is pending, if it is written and so is all
    /// before it; batches without entries go on the way.
    fn next_durable(&mut self) -> Option<Written> {
        while let Some(write_ns) = self.pending.front().and_then(|pending| pending.write_ns) {
            let batch = self.pending.pop_front().expect("there is a first").batch;
            assert_eq!(batch.sequence(), self.durable.sequence(), "durable has no gap");
            self.durable.publish(batch.cursor_after());
            assert_eq!(self.durable.position(), batch.end_position(), "published as it is");
            self.bytes_written += batch.stored_bytes();
            self.buffers.retire(batch.buffer().clone());
            if batch.kind() == BatchKind::Data {
                assert!(batch.entry_count() > 0, "a data batch has entries");
                self.durable_data = batch.sequence() + 1;
                return Some(Written { batch, proof: self.proof, write_ns });
            }
        }
        None
    }
}
