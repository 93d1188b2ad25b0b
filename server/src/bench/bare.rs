//! The bare loop: what the disk alone does with the same amount of work on its way.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use hotledger_journal::{
    Access, AlignedBuffer, BATCH_BYTES_MAX, BLOCK_BYTES, Completion, Disk, DiskFile, Durability,
    WriteQueue, WriteTicket,
};

use super::report::Mode;
use super::slice::{Measured, Tally};
use crate::args::BenchArgs;

/// One record of the pipelined loop.
const RECORD_BYTES: usize = 128;

/// The file that is written round and round, filled with zeros before.
const FILE: &str = "bare-loop";
const FILE_BYTES: u64 = 256 << 20;

/// One thread that fills buffers and writes them, with nothing of the engine's in between.
///
/// Closed: one block of 4 KiB a command. Pipelined: records of 128 bytes with a CRC each, in
/// batches that together hold as many records as the clients have commands on their way.
pub(super) struct Bare {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    queue: Box<dyn WriteQueue>,
    free: Vec<Arc<AlignedBuffer>>,
    under_way: VecDeque<Write>,
    records_a_write: usize,
    write_bytes: usize,
    offset: u64,
    number: u64,
}

struct Write {
    ticket: WriteTicket,
    begun: Instant,
    records: u64,
    buffer: Arc<AlignedBuffer>,
    done: bool,
}

impl Bare {
    /// Prepares the file and the buffers.
    pub(super) fn prepare(
        disk: &Arc<dyn Disk>,
        durability: Durability,
        mode: Mode,
        args: &BenchArgs,
    ) -> anyhow::Result<Self> {
        let queue = disk.writer(durability);
        let slots = queue.in_flight_max().max(1);
        let (records_a_write, write_bytes) = match mode {
            Mode::Closed => (1, BLOCK_BYTES),
            Mode::Pipelined => {
                let commands = args.in_flight as usize * args.clients as usize;
                let records = (commands / slots).clamp(1, BATCH_BYTES_MAX / RECORD_BYTES);
                (records, (records * RECORD_BYTES).next_multiple_of(BLOCK_BYTES))
            }
        };
        let slots = if mode == Mode::Closed { 1 } else { slots };
        let file = zero_filled(disk.as_ref(), durability)
            .context("cannot prepare the bare loop's file")?;
        Ok(Self {
            disk: Arc::clone(disk),
            file,
            queue,
            free: (0..slots).map(|_| Arc::new(AlignedBuffer::new(write_bytes))).collect(),
            under_way: VecDeque::with_capacity(slots),
            records_a_write,
            write_bytes,
            offset: 0,
            number: 0,
        })
    }

    fn begin(&mut self, mut buffer: Arc<AlignedBuffer>) {
        let begun = Instant::now();
        let bytes = Arc::get_mut(&mut buffer).expect("a finished write lets go of its buffer");
        let records = bytes.all_mut().chunks_exact_mut(RECORD_BYTES);
        for record in records.take(self.records_a_write) {
            fill(record, self.number);
            self.number += 1;
        }
        bytes.set_filled(self.write_bytes);
        if self.offset + self.write_bytes as u64 > FILE_BYTES {
            self.offset = 0;
        }
        let ticket = WriteTicket(self.number);
        self.queue.submit(&self.file, self.offset, Arc::clone(&buffer), ticket);
        self.offset += self.write_bytes as u64;
        let records = self.records_a_write as u64;
        self.under_way.push_back(Write { ticket, begun, records, buffer, done: false });
    }

    /// Waits for a write. As in the engine, its records count once all before them are written.
    fn finish(&mut self, tally: &mut Tally) -> io::Result<()> {
        if let Some(Completion { ticket, result, .. }) = self.queue.complete(true) {
            result?;
            let mut under_way = self.under_way.iter_mut();
            under_way.find(|write| write.ticket == ticket).expect("it was begun").done = true;
        }
        let done = self.under_way.iter().take_while(|write| write.done).count();
        for Write { begun, records, buffer, .. } in self.under_way.drain(..done) {
            tally.record(begun.elapsed(), records);
            self.free.push(buffer);
        }
        Ok(())
    }
}

impl Measured for Bare {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        while Instant::now() < until {
            while let Some(buffer) = self.free.pop() {
                self.begin(buffer);
            }
            self.finish(tally)?;
        }
        while !self.under_way.is_empty() {
            self.finish(tally)?;
        }
        Ok(())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // A file that stays behind is a nuisance and no harm.
        let _ = self.disk.remove(FILE);
    }
}

/// A number, a number derived from it, and the CRC of both and of all the rest.
fn fill(record: &mut [u8], number: u64) {
    record[4..12].copy_from_slice(&number.to_le_bytes());
    record[12..20].copy_from_slice(&number.wrapping_mul(31).to_le_bytes());
    let crc = crc32c::crc32c(&record[4..]);
    record[..4].copy_from_slice(&crc.to_le_bytes());
}

fn zero_filled(disk: &dyn Disk, durability: Durability) -> io::Result<Arc<dyn DiskFile>> {
    match disk.remove(FILE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(FILE, Access::Write)?;
    let zeros = vec![0; 1 << 20];
    for offset in (0..FILE_BYTES).step_by(zeros.len()) {
        file.write_all_at(offset, &zeros)?;
    }
    file.sync()?;
    disk.sync_directory()?;
    disk.open(FILE, Access::Commit(durability))
}
