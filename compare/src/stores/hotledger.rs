//! hotledger through its public API: one aggregate a key, one event a record.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use hotledger::{
    Aggregate, Context, Delivery, Durability, Engine, Event, Position, Recorded, Subscription,
};
use serde::{Deserialize, Serialize};

use super::{Begin, Known, Store, locked_version};
use crate::record::Record;

/// Segments of the smallest size, so that the records of one trial lie in more than one.
const SEGMENT_BYTES: u64 = 1 << 20;

pub(super) const KNOWN: Known = Known {
    name: "hotledger",
    version: || locked_version("hotledger"),
    settings: "`Durability::Synced`, segments of 1 MiB, opened with `must_exist`; \
               read through a subscription from the first position",
    promises: "It promises to refuse damage to whatever is below a watermark: a record is once \
               another was appended, or 50 ms later (journal/FORMAT.md, section 7)",
    derived: &[],
    open: |directory, begin| Ok(Box::new(Hotledger(open(directory, begin)?))),
};

struct Hotledger(Engine);

fn open(directory: &Path, begin: Begin) -> Result<Engine> {
    let builder = Engine::builder(directory)
        .aggregate::<Deposit>()
        .durability(Durability::Synced)
        .segment_bytes(SEGMENT_BYTES, SEGMENT_BYTES);
    let builder = match begin {
        Begin::New => builder,
        Begin::Existing => builder.must_exist(),
    };
    Ok(builder.open()?)
}

impl Store for Hotledger {
    fn append(&mut self, record: &Record) -> Result<()> {
        let payload = String::from_utf8(record.payload.clone()).context("a deposit is text")?;
        self.0.aggregate::<Deposit>(record.key).execute(Make(payload)).wait()?;
        Ok(())
    }

    fn read_all(&mut self) -> Result<Vec<Record>> {
        let mut subscription: Subscription<Recorded<Deposit>> = self.0.subscribe(Position::ORIGIN);
        let mut records = Vec::new();
        loop {
            match subscription.next_wait()? {
                Some(Delivery::Event(it)) => {
                    let payload = it.event.payload.into_bytes();
                    records.push(Record { key: it.id, payload });
                }
                Some(Delivery::CaughtUp(_)) => return Ok(records),
                None => bail!("the engine closed before everything was read"),
            }
        }
    }
}

/// A deposit that is made once.
#[derive(Default, Clone, Serialize, Deserialize)]
struct Deposit {
    made: bool,
}

#[derive(Serialize)]
struct Make(String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Made {
    payload: String,
}

impl Event for Made {}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct MadeBefore;

impl Aggregate for Deposit {
    const KIND: &'static str = "deposit";
    type Id = u64;
    type Command = Make;
    type Event = Made;
    type Refusal = MadeBefore;

    fn decide(&self, command: Make, cx: &mut Context<Made>) -> Result<(), MadeBefore> {
        if self.made {
            return Err(MadeBefore);
        }
        cx.record(Made { payload: command.0 });
        Ok(())
    }

    fn evolve(&mut self, _: &Made) {
        self.made = true;
    }
}
