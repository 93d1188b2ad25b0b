//! tephra, an embedded event store with a single writer: an event with one tag a record.

use std::path::Path;

use anyhow::{Result, ensure};
use flume::{Receiver, Sender};
use tephra::{
    AppendError, Event, EventType, Position, PositionRange, Query, SegmentConfig, SegmentSet, Tag,
    Tags, WriteCoordinator, WriteHandle, WriterConfig,
};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::Deposit;
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

/// As its own documents show it.
const SEGMENT_BYTES: usize = 256 << 20;

pub(super) const KNOWN: Known = Known {
    name: "tephra",
    version: || locked_version("tephra"),
    settings: "an event with the account as its one tag, appended without a condition, segments of \
               256 MiB; one client calls `append`, more in flight go through `append_submit`",
    kept: Kept::OnDisk,
    many: Some(Way::in_flight(64)),
    best: &[Way { clients: 1, in_flight: 8, batch: 1024 }, Way::in_flight(8192)],
    open: |place, begin| Ok(Box::new(open(place.directory, begin)?)),
};

struct Tephra {
    handle: WriteHandle,
    /// Dropped last: it waits for its writer.
    _coordinator: WriteCoordinator,
}

fn open(directory: &Path, begin: Begin) -> Result<Tephra> {
    ensure!(begin == Begin::New || directory.is_dir(), "there is no store");
    let segments = SegmentSet::open(directory, SegmentConfig::new(SEGMENT_BYTES))?;
    let (coordinator, handle) = WriteCoordinator::start(segments, WriterConfig::default())?;
    Ok(Tephra { handle, _coordinator: coordinator })
}

impl Peer for Tephra {
    fn client(&self, way: Way) -> Result<Box<dyn Client + '_>> {
        let events = Events { handle: &self.handle, kind: EventType::new("Deposited")? };
        Ok(match way.in_flight {
            1 => Box::new(events),
            _ => Box::new(Pipelined::new(events)),
        })
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut events = self.handle.read(&Query::all(), Position::ZERO, None);
        while let Some(event) = events.next() {
            each(event?.event.data());
        }
        Ok(())
    }
}

struct Events<'a> {
    handle: &'a WriteHandle,
    kind: EventType,
}

impl Events<'_> {
    fn of(&self, deposits: &[Deposit]) -> Result<Vec<Event>> {
        let event = |deposit: &Deposit| {
            let tags = Tags::new([Tag::new(format!("account:{}", deposit.account()))?])?;
            Ok(Event::new(&self.kind, &tags, &deposit.payload)?)
        };
        deposits.iter().map(event).collect()
    }
}

impl Client for Events<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        self.handle.append(self.of(deposits)?, None)?;
        Ok(())
    }
}

type Reply = (u64, Result<PositionRange, AppendError>);

struct Pipelined<'a> {
    events: Events<'a>,
    tell: Sender<Reply>,
    told: Receiver<Reply>,
    submitted: u64,
    answered: u64,
}

impl<'a> Pipelined<'a> {
    fn new(events: Events<'a>) -> Self {
        let (tell, told) = flume::unbounded();
        Self { events, tell, told, submitted: 0, answered: 0 }
    }

    /// Answers come in the order of submission: there is one writer.
    fn count(&mut self, (token, result): Reply) -> Result<()> {
        result?;
        ensure!(token == self.answered, "answer {token} came in place of {}", self.answered);
        self.answered += 1;
        Ok(())
    }
}

impl Client for Pipelined<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let events = self.events.of(deposits)?;
        self.events.handle.append_submit(events, None, self.submitted, self.tell.clone())?;
        self.submitted += 1;
        Ok(())
    }

    fn reap(&mut self) -> Result<usize> {
        let before = self.answered;
        let first = self.told.recv()?;
        self.count(first)?;
        while let Ok(next) = self.told.try_recv() {
            self.count(next)?;
        }
        Ok((self.answered - before) as usize)
    }
}
