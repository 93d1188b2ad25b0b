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

/// A batch that has become durable, lent by the journal; whoever needs it for longer clones it.
#[derive(Clone, Copy, Debug)]
#[must_use = "whoever waits for this batch must be answered"]
pub struct Written<'a> {
    /// The batch.
    pub batch: &'a Batch,
    /// That it is durable, and how much so.
    pub proof: Proof,
    /// Nanoseconds the disk took for it.
    pub write_ns: u64,
}

/// What was submitted and is not yet reported.
pub(super) struct Committer {
    queue: Box<dyn WriteQueue>,
    in_flight_max: usize,
    /// In order, the durable ones first. A batch stays where it was put: one that is moved right
    /// after it was put together makes the processor wait until its parts are stored.
    batches: VecDeque<Submitted>,
    /// How many of them are durable: more than one where a roll has waited for all writes.
    durable_batches: usize,
    /// Whether the first of these has been reported: it is lent until the next look.
    is_lent: bool,
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

struct Submitted {
    batch: Batch,
    /// How long the disk took for it, once it is written.
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
            batches: VecDeque::with_capacity(2 * in_flight_max),
            durable_batches: 0,
            is_lent: false,
            buffers: BufferPool::new(keeps),
            durable,
            proof,
            keeps,
            poison: None,
            durable_data: 0,
            bytes_written: 0,
        }
    }

    pub(super) fn can_submit(&self) -> bool {
        self.in_flight() < self.in_flight_max
    }

    pub(super) fn in_flight(&self) -> usize {
        self.batches.len() - self.durable_batches
    }

    pub(super) fn poison(&self) -> Option<&Error> {
        self.poison.as_ref()
    }

    /// Whether no write has failed.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.poison.as_ref().map_or(Ok(()), |poison| Err(poison.clone()))
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

    pub(super) fn take_buffer(&mut self) -> Arc<AlignedBuffer> {
        self.buffers.take()
    }

    /// Hands a batch to the disk; hashes it while it is being written.
    pub(super) fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        bytes: Arc<AlignedBuffer>,
        header: &BatchHeader,
        names: &Arc<Names>,
    ) -> Chain {
        assert!(self.can_submit(), "ask can_submit before submit");
        assert!(self.poison.is_none(), "nothing is written after a failed write");
        assert_eq!(bytes.len(), header.byte_length as usize, "a batch is written whole");
        assert!(header.watermark <= self.durable.sequence(), "only what is durable is called so");
        let ticket = WriteTicket(header.sequence);
        self.queue.submit(file, header.offset, bytes.clone(), ticket);
        let chain = if self.keeps { Chain::of(&bytes) } else { Chain::ZERO };
        let last = self.batches.back().map(|last| last.batch.sequence());
        assert!(last.is_none_or(|last| last + 1 == header.sequence), "sequences have no gap");
        let batch = Batch::new(bytes, 0, *header, chain, names.clone());
        self.batches.push_back(Submitted { batch, write_ns: None });
        assert!(self.in_flight() <= self.in_flight_max, "what is in flight is bounded");
        chain
    }

    /// The next batch in order that has become durable and holds entries.
    pub(super) fn complete(&mut self, wait: bool) -> Result<Option<Written<'_>>, Error> {
        self.check()?;
        self.let_go();
        while self.durable_batches == 0 {
            if !self.advance() && !self.reap(wait)? {
                return Ok(None);
            }
            self.let_go();
        }
        self.is_lent = true;
        let Submitted { batch, write_ns } = self.batches.front().expect("it is durable");
        let write_ns = write_ns.expect("what is durable is written");
        Ok(Some(Written { batch, proof: self.proof, write_ns }))
    }

    /// Lets go of durable batches up to the first that is to be reported.
    fn let_go(&mut self) {
        let is_done = |submitted: &Submitted| submitted.batch.kind() != BatchKind::Data;
        while self.durable_batches > 0 && (self.is_lent || is_done(&self.batches[0])) {
            self.batches.pop_front();
            self.durable_batches -= 1;
            self.is_lent = false;
        }
    }

    /// Waits until everything submitted is durable.
    pub(super) fn drain(&mut self) -> Result<(), Error> {
        self.wait_until(|this| this.in_flight() == 0)?;
        assert!(self.can_submit(), "with nothing in flight a slot is free");
        Ok(())
    }

    /// Waits until another batch may be submitted.
    pub(super) fn wait_for_slot(&mut self) -> Result<(), Error> {
        self.wait_until(Committer::can_submit)
    }

    /// Waits, and reports nothing yet, until it is enough.
    fn wait_until(&mut self, enough: impl Fn(&Committer) -> bool) -> Result<(), Error> {
        loop {
            while self.advance() {}
            if enough(self) {
                return Ok(());
            }
            assert!(self.in_flight() > 0, "there is something to wait for");
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
        self.check()?;
        if self.in_flight() == 0 {
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
        let first = self.batches.front().expect("something is in flight").batch.sequence();
        let at = sequence.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        let submitted = at.and_then(|at| self.batches.get_mut(at));
        let submitted = submitted.expect("a disk completes only what was submitted, and once");
        if let Err(error) = completion.result {
            let what = format!("write {}", segment_name(submitted.batch.segment()));
            return Err(self.fail(Error::from_io(what, error)));
        }
        assert!(submitted.write_ns.is_none(), "a disk completes every write once");
        submitted.write_ns = Some(completion.write_ns);
        Ok(())
    }

    /// Makes the next batch durable, if it is written and so is all before it; whether it is.
    fn advance(&mut self) -> bool {
        let Some(Submitted { batch, write_ns: Some(_) }) = self.batches.get(self.durable_batches)
        else {
            return false;
        };
        assert_eq!(batch.sequence(), self.durable.sequence(), "durable has no gap");
        self.durable.publish(batch.cursor_after());
        assert_eq!(self.durable.position(), batch.end_position(), "published as it is");
        self.bytes_written += batch.stored_bytes();
        self.buffers.retire(batch.buffer().clone());
        if batch.kind() == BatchKind::Data {
            assert!(batch.entry_count() > 0, "a data batch has entries");
            self.durable_data = batch.sequence() + 1;
        }
        self.durable_batches += 1;
        true
    }
}
