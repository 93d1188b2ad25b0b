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

use super::schedule::{LATE, Offer, Schedule};
use super::slice::{Measured, Tally};

/// The smallest record: two numbers and their CRC.
const RECORD_BYTES_MIN: usize = 20;

/// The file that is written round and round, filled with zeros before.
const FILE: &str = "bare-loop";
const FILE_BYTES: u64 = 256 << 20;

/// One thread that fills buffers and writes them, with nothing of the engine's in between.
///
/// Closed: as many blocks of 4 KiB a command as the engine writes. Pipelined: records of the size
/// that a command has on disk with a CRC each, in batches that together hold as many records as the
/// clients have commands on their way. Open: the same records as they are due, as many in a batch
/// as have come while the writes before were busy.
pub(super) struct Bare {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    queue: Box<dyn WriteQueue>,
    free: Vec<Arc<AlignedBuffer>>,
    under_way: VecDeque<Write>,
    records: Records,
    pace: Pace,
    offset: u64,
    number: u64,
}

/// What is written for a command.
#[derive(Clone, Copy)]
pub(super) struct Records {
    /// Bytes of one of them.
    pub(super) bytes: usize,
    /// No write is smaller than this.
    pub(super) write_bytes_min: usize,
}

/// How many records go into a write.
enum Pace {
    /// Always so many, in whole blocks.
    Full(u64),
    /// As many as are due. With more than so many that are due or under way the loop is
    /// saturated: the engine's clients would have to wait for room.
    Due { offer: Offer, backlog_max: u64 },
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
    /// One record after the other, each in a write of its own.
    pub(super) fn closed(
        disk: &Arc<dyn Disk>,
        durability: Durability,
        records: Records,
    ) -> anyhow::Result<Self> {
        Self::new(disk, disk.writer(durability), (durability, 1), records, Pace::Full(1))
    }

    /// Always so many on their way.
    pub(super) fn pipelined(
        disk: &Arc<dyn Disk>,
        durability: Durability,
        records: Records,
        in_flight: usize,
    ) -> anyhow::Result<Self> {
        let queue = disk.writer(durability);
        let slots = queue.in_flight_max().max(1);
        let full = Pace::Full((in_flight / slots).clamp(1, records.most()) as u64);
        Self::new(disk, queue, (durability, slots), records, full)
    }

    /// What is due, with room for so many that are not written.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        durability: Durability,
        records: Records,
        offer: Offer,
        backlog_max: u64,
    ) -> anyhow::Result<Self> {
        let queue = disk.writer(durability);
        let slots = queue.in_flight_max().max(1);
        let due = Pace::Due { offer, backlog_max };
        Self::new(disk, queue, (durability, slots), records, due)
    }

    /// Prepares the file and the buffers.
    fn new(
        disk: &Arc<dyn Disk>,
        queue: Box<dyn WriteQueue>,
        (durability, slots): (Durability, usize),
        records: Records,
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
            records,
            pace,
            offset: 0,
            number: 0,
        })
    }

    /// Fills a buffer with so many records and hands it to the disk.
    fn begin(&mut self, mut buffer: Arc<AlignedBuffer>, begun: Instant, first: u64, records: u64) {
        let bytes = Arc::get_mut(&mut buffer).expect("a finished write lets go of its buffer");
        let room = bytes.all_mut().chunks_exact_mut(self.records.bytes);
        room.take(records as usize).zip(first..).for_each(|(record, number)| fill(record, number));
        let length = (records as usize * self.records.bytes).max(self.records.write_bytes_min);
        let length = length.next_multiple_of(BLOCK_BYTES);
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
    fn run_due(
        &mut self,
        mut schedule: Schedule,
        backlog_max: u64,
        tally: &mut Tally,
    ) -> io::Result<()> {
        let mut had_room = true;
        while !schedule.is_over() || !self.under_way.is_empty() {
            let now = Instant::now();
            let waiting = schedule.due(now);
            let due = waiting.min(self.records.most() as u64);
            let buffer = if due > 0 { self.free.pop() } else { None };
            had_room &= due == 0 || buffer.is_some();
            let mut worked = buffer.is_some();
            if let Some(buffer) = buffer {
                let under_way: u64 = self.under_way.iter().map(|write| write.records).sum();
                tally.held_back += (waiting + under_way).saturating_sub(backlog_max).min(due);
                // What had to wait for a buffer is late by the disk's fault.
                let late = schedule.overdue(now, LATE).min(due);
                tally.late += if had_room { late } else { 0 };
                had_room = waiting == due;
                let first = schedule.take(due);
                self.begin(buffer, now, first, due);
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

impl Records {
    /// Records of this size.
    pub(super) fn of(bytes: usize) -> Self {
        let bytes = bytes.clamp(RECORD_BYTES_MIN, BATCH_BYTES_MAX);
        Self { bytes, write_bytes_min: BLOCK_BYTES }
    }

    /// Most of them in one write.
    fn most(self) -> usize {
        BATCH_BYTES_MAX / self.bytes
    }
}

impl Measured for Bare {
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()> {
        match &mut self.pace {
            Pace::Full(records) => {
                let records = *records;
                self.run_full(records, length, tally)?;
            }
            Pace::Due { offer, backlog_max } => {
                let (schedule, backlog_max) = (offer.schedule(length), *backlog_max);
                self.run_due(schedule, backlog_max, tally)?;
            }
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

#[cfg(test)]
mod tests {
    use hotledger_journal::MemoryDisk;

    use super::*;

    fn offered(backlog_max: u64) -> Tally {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::forgetful());
        let (durability, offer) = (Durability::Volatile, Offer::Even(100_000.0));
        let mut bare = Bare::open(&disk, durability, Records::of(100), offer, backlog_max).unwrap();
        let mut tally = Tally::new().unwrap();
        bare.run(Duration::from_millis(20), &mut tally).unwrap();
        tally
    }

    #[test]
    fn a_loop_without_room_for_what_is_due_holds_it_back() {
        assert_eq!((offered(u64::MAX).commands, offered(u64::MAX).held_back), (2_000, 0));
        assert_eq!(offered(0).held_back, 2_000);
    }

    #[test]
    fn a_write_holds_as_many_records_as_fit() {
        assert_eq!(Records::of(1_000).most(), BATCH_BYTES_MAX / 1_000);
        assert_eq!(Records::of(1).bytes, RECORD_BYTES_MIN, "two numbers and a CRC");
    }
}
