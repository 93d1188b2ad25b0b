//! Journal writes in flight.

use std::{cell::Cell, io, sync::Arc};

use hotledger_journal::{AlignedBuffer, Completion, DiskFile, WriteQueue, WriteTicket};

use super::{
    FaultKind, ModelDisk, OperationKind,
    file::ModelFile,
    model::{Model, WriteId, gone},
};

/// Ends writes in an order of the seed's choice.
pub(super) struct ModelQueue {
    disk: ModelDisk,
    in_flight_max: usize,
    /// In the order they were submitted.
    submitted: Vec<Submitted>,
}

struct Submitted {
    ticket: WriteTicket,
    /// Under way on the disk, or what became of it at once.
    write: io::Result<WriteId>,
}

impl ModelQueue {
    pub(super) fn new(disk: ModelDisk, in_flight_max: usize) -> ModelQueue {
        ModelQueue { disk, in_flight_max, submitted: Vec::new() }
    }

    fn begin(&self, file: &ModelFile, offset: u64, bytes: &[u8]) -> io::Result<WriteId> {
        let operation = file.operation(OperationKind::Submit, offset, bytes.len());
        let begun = Cell::new(0);
        let prepare = |model: &mut Model| {
            file.check_writable()?;
            begun.set(model.begin_write(file.node, file.access, offset, bytes));
            Ok(None)
        };
        self.disk.operate(operation, prepare, |model, effect, _| {
            model.trace_write(begun.get());
            model.destine(begun.get(), effect);
            Ok(begun.get())
        })
    }

    /// The next to be completed, where one may be. Half of the looks at a disk find it still at
    /// work: what is in flight then is what a crash can lose.
    fn choose(&self, model: &mut Model, wait: bool) -> Option<usize> {
        let stalled = |it: &Submitted, model: &Model| match &it.write {
            Ok(write) => model.in_flight[write].stall > 0,
            Err(_) => false,
        };
        let all = 0..self.submitted.len();
        let free: Vec<usize> =
            all.clone().filter(|at| !stalled(&self.submitted[*at], model)).collect();
        if free.len() < self.submitted.len() && !wait {
            for write in self.submitted.iter().flat_map(|it| &it.write) {
                let write = model.in_flight.get_mut(write).expect("submitted and not completed");
                write.stall = write.stall.saturating_sub(1);
            }
            model.fired.add(FaultKind::Stall, u64::from(free.is_empty()));
        }
        if !wait && model.dice.coin() {
            return None;
        }
        let among = if free.is_empty() && wait { all.collect() } else { free };
        among.get(model.dice.below(among.len() as u64) as usize).copied()
    }
}

impl WriteQueue for ModelQueue {
    fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) {
        assert!(self.submitted.len() < self.in_flight_max, "ask for a free slot before submitting");
        let file = file.as_any().downcast_ref::<ModelFile>().expect("a file of this disk");
        let write = self.begin(file, offset, &bytes);
        self.submitted.push(Submitted { ticket, write });
    }

    fn complete(&mut self, wait: bool) -> Option<Completion> {
        let mut model = self.disk.model();
        if self.submitted.is_empty() {
            return None;
        }
        if model.is_dead() {
            // What is in flight stays in flight until somebody says how it all ended.
            let ticket = self.submitted.remove(0).ticket;
            return Some(Completion { ticket, result: Err(gone()), write_ns: 0 });
        }
        let at = self.choose(&mut model, wait)?;
        model.fired.add(FaultKind::Reordered, u64::from(at > 0));
        let Submitted { ticket, write } = self.submitted.remove(at);
        let result = write.and_then(|write| model.end_write(write));
        model.trace.add(ticket.0);
        model.trace.add_outcome(&result);
        Some(Completion { ticket, result, write_ns: 0 })
    }
}

impl Drop for ModelQueue {
    /// Nobody waits any more: what is in flight ends in any part.
    fn drop(&mut self) {
        let mut model = self.disk.model();
        if model.is_dead() {
            return;
        }
        for write in self.submitted.drain(..).flat_map(|it| it.write) {
            model.abandon_write(write);
        }
    }
}
