//! The disruptor: a ring between two threads, in memory and nowhere else.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use disruptor::{BusySpin, Producer, build_single_producer};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::{Checksum, Deposit, PAYLOAD_BYTES};
use crate::speed::way::Way;
use crate::stores::locked_version;

/// Slots of the ring: more than are ever in flight.
const SLOTS: usize = 16_384;

/// Looks at the consumer's progress before the processor is given away: with fewer cores than
/// spinning threads, the consumer could not make any.
const LOOKS: u32 = 10_000;

pub(super) const KNOWN: Known = Known {
    name: "disruptor",
    version: || locked_version("disruptor"),
    settings: "a ring with one producer and one consumer that spin, the consumer checksumming each \
               payload; nothing is kept",
    kept: Kept::InMemory,
    many: Some(Way::in_flight(64)),
    best: &[Way { clients: 1, in_flight: 8, batch: 1024 }],
    open: |_, _| Ok(Box::new(Disruptor { passed: Arc::default() })),
};

struct Disruptor {
    passed: Arc<Passed>,
}

/// What the consumer has seen.
#[derive(Default)]
struct Passed {
    records: AtomicU64,
    sum: AtomicU64,
}

impl Peer for Disruptor {
    fn client(&self, way: Way) -> Result<Box<dyn Client + '_>> {
        let passed = Arc::clone(&self.passed);
        let mut seen = Checksum {
            records: passed.records.load(Ordering::Acquire),
            sum: passed.sum.load(Ordering::Acquire),
        };
        let consume = move |slot: &Slot, _, end_of_batch| {
            seen.add(&slot.0);
            if end_of_batch {
                passed.sum.store(seen.sum, Ordering::Relaxed);
                passed.records.store(seen.records, Ordering::Release);
            }
        };
        let ring = build_single_producer(SLOTS, || Slot([0; PAYLOAD_BYTES]), BusySpin)
            .handle_events_with(consume)
            .build();
        let answered = self.passed.records.load(Ordering::Acquire);
        Ok(Box::new(Publisher { ring, passed: &self.passed, batch: way.batch as u64, answered }))
    }

    fn read(&self, _: &mut dyn FnMut(&[u8])) -> Result<()> {
        bail!("nothing is kept");
    }

    fn passed(&self) -> Option<Checksum> {
        let records = self.passed.records.load(Ordering::Acquire);
        Some(Checksum { records, sum: self.passed.sum.load(Ordering::Acquire) })
    }
}

struct Slot([u8; PAYLOAD_BYTES]);

struct Publisher<'a, P> {
    ring: P,
    passed: &'a Passed,
    /// Records of every commit.
    batch: u64,
    /// Records whose commits were reaped.
    answered: u64,
}

impl<P: Producer<Slot>> Client for Publisher<'_, P> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        match deposits {
            [one] => self.ring.publish(|slot| slot.0 = one.payload),
            many => self.ring.batch_publish(many.len(), |slots| {
                slots.zip(many).for_each(|(slot, deposit)| slot.0 = deposit.payload);
            }),
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<usize> {
        let mut looks = 0;
        loop {
            let passed = self.passed.records.load(Ordering::Acquire);
            let commits = (passed - self.answered) / self.batch;
            if commits > 0 {
                self.answered += commits * self.batch;
                return Ok(commits as usize);
            }
            looks += 1;
            if looks % LOOKS == 0 {
                std::thread::yield_now();
            } else {
                spin_loop();
            }
        }
    }
}
