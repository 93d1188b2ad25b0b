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

use super::run::Mode;
use super::schedule::Schedule;
use super::slice::{Measured, Tally};
use crate::args::BenchArgs;

/// One record of the pipelined loop.
const RECORD_BYTES: usize = 128;

/// Most of them in one write.
const RECORDS_MAX: usize = BATCH_BYTES_MAX / RECORD_BYTES;

/// The file that is written round and round, filled with zeros before.
const FILE: &str = "bare-loop";
const FILE_BYTES: u64 = 256 << 20;

/// One thread that fills buffers and writes them, with nothing of the engine's in between.
///
/// Closed: one block of 4 KiB a command. Pipelined: records of 128 bytes with a CRC each, in
/// batches that together hold as many records as the clients have commands on their way. Open: the
/// same records as they are due, as many in a batch as have come while the writes before were busy.
pub(super) struct Bare {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    queue: Box<dyn WriteQueue>,
    free: Vec<Arc<AlignedBuffer>>,
    under_way: VecDeque<Write>,
    pace: Pace,
    offset: u64,
    number: u64,
}

/// How many records go into a write.
#[derive(Clone, Copy)]
enum Pace {
    /// Always so many, in whole blocks.
    Full(u64),
    /// As many as are due at this rate a second.
    Due(f64),
}

struct Write {
    begun: Instant,
    /// Number of the first record, and how many there are.
    first: u64,
    records: u64,
    buffer: Arc<AlignedBuffer>,
    done: bool,
}

impl Bare {
    /// The loop that does what the clients of this mode do.
    pub(super) fn prepare(
        disk: &Arc<dyn Disk>,
        durability: Durability,
        mode: Mode,
        args: &BenchArgs,
    ) -> anyhow::Result<Self> {
        let queue = disk.writer(durability);
        let slots = queue.in_flight_max().max(1);
        let commands = args.in_flight as usize * args.clients as usize;
        let (slots, pace) = match mode {
            Mode::Closed => (1, Pace::Full(1)),
            Mode::Pipelined => (slots, Pace::Full((commands / slots).clamp(1, RECORDS_MAX) as u64)),
            Mode::Open(rate) => (slots, Pace::Due(rate.into())),
        };
        Self::new(disk, durability, queue, slots, pace)
    }

    /// One synced block after the other: what the raw disk takes for it.
    pub(super) fn of_blocks(disk: &Arc<dyn Disk>) -> anyhow::Result<Self> {
        let durability = Durability::Synced;
        Self::new(disk, durability, disk.writer(durability), 1, Pace::Full(1))
    }

    /// Prepares the file and the buffers.
    fn new(
        disk: &Arc<dyn Disk>,
        durability: Durability,
        queue: Box<dyn WriteQueue>,
        slots: usize,
        pace: Pace,
    ) -> anyhow::Result<Self> {
        let file = zero_filled(disk.as_ref(), durability)
            .context("cannot prepare the bare loop's file")?;
        Ok(Self {
            disk: Arc::clone(disk),
            file,
            queue,
            free: (0..slots).map(|_| Arc::new(AlignedBuffer::new(BATCH_BYTES_MAX))).collect(),
            under_way: VecDeque::with_capacity(slots),
            pace,
            offset: 0,
            number: 0,
        })
    }

    /// Fills a buffer with so many records and hands it to the disk.
    fn begin(&mut self, mut buffer: Arc<AlignedBuffer>, begun: Instant, first: u64, records: u64) {
        let bytes = Arc::get_mut(&mut buffer).expect("a finished write lets go of its buffer");
        let room = bytes.all_mut().chunks_exact_mut(RECORD_BYTES);
        room.take(records as usize).zip(first..).for_each(|(record, number)| fill(record, number));
        let length = (records as usize * RECORD_BYTES).next_multiple_of(BLOCK_BYTES);
        bytes.set_filled(length);
        if self.offset + length as u64 > FILE_BYTES {
            self.offset = 0;
        }
        self.number += 1;
        let ticket = WriteTicket(self.number);
        self.queue.submit(&self.file, self.offset, Arc::clone(&buffer), ticket);
        self.offset += length as u64;
        self.under_way.push_back(Write { begun, first, records, buffer, done: false });
    }

    /// Takes up a finished write. As in the engine, its records count once all before them are
    /// written; those writes are handed to `count`. Whether there was one.
    fn finish(&mut self, wait: bool, mut count: impl FnMut(Instant, &Write)) -> io::Result<bool> {
        let Some(Completion { ticket, result, .. }) = self.queue.complete(wait) else {
            return Ok(false);
        };
        result?;
        let first = self.number + 1 - self.under_way.len() as u64;
        self.under_way[(ticket.0 - first) as usize].done = true;
        let done = self.under_way.iter().take_while(|write| write.done).count();
        let now = Instant::now();
        for write in self.under_way.drain(..done) {
            count(now, &write);
            self.free.push(write.buffer);
        }
        Ok(true)
    }

    /// As fast as the disk takes it.
    fn run_full(&mut self, records: u64, length: Duration, tally: &mut Tally) -> io::Result<()> {
        let mut count = |now, write: &Write| tally.record(now, now - write.begun, write.records);
        let until = Instant::now() + length;
        let mut first = 0;
        while Instant::now() < until {
            while let Some(buffer) = self.free.pop() {
                self.begin(buffer, Instant::now(), first, records);
                first += records;
            }
            self.finish(true, &mut count)?;
        }
        while self.finish(true, &mut count)? {}
        Ok(())
    }

    /// As it is due.
    fn run_due(&mut self, per_s: f64, length: Duration, tally: &mut Tally) -> io::Result<()> {
        let mut schedule = Schedule::new(per_s, length);
        while !schedule.is_over() || !self.under_way.is_empty() {
            let now = Instant::now();
            let due = schedule.due(now).min(RECORDS_MAX as u64);
            let mut worked = false;
            if due > 0
                && let Some(buffer) = self.free.pop()
            {
                let first = schedule.take(due);
                self.begin(buffer, now, first, due);
                worked = true;
            }
            worked |= self.finish(false, |now, write| {
                for number in write.first..write.first + write.records {
                    tally.record(now, now - schedule.time_of(number), 1);
                }
                tally.record_service(now - write.begun, write.records);
            })?;
            if !worked {
                std::thread::yield_now();
            }
        }
        Ok(())
    }
}

impl Measured for Bare {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        match self.pace {
            Pace::Full(records) => self.run_full(records, length, tally)?,
            Pace::Due(per_s) => self.run_due(per_s, length, tally)?,
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
