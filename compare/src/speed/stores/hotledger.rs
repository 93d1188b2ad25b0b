//! hotledger, the full engine: a deposit is decided, evolved, chained and journaled.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use hotledger::{
    Aggregate, Context, Delivery, Durability, Engine, Event, Position, Recorded, Session,
    SnapshotPolicy, Subscription,
};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::{Deposit, PAYLOAD_BYTES};
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

/// Answers taken before room is made up for.
const ANSWERS_MAX: usize = 64;

pub(super) const KNOWN: Known = Known {
    name: "hotledger",
    version: || locked_version("hotledger"),
    settings: "the whole engine: 100,000 accounts as aggregates, `Durability::Synced`, no \
               snapshots; one client calls `execute(..).wait()`, more in flight go through a \
               `Session`; read through a typed subscription",
    kept: Kept::OnDisk,
    many: Some(Way::in_flight(64)),
    best: &[Way::in_flight(8192)],
    open: |place, begin| Ok(Box::new(Hotledger(open(place.directory, begin)?))),
};

struct Hotledger(Engine);

fn open(directory: &Path, begin: Begin) -> Result<Engine> {
    let builder = Engine::builder(directory)
        .aggregate::<Account>()
        .durability(Durability::Synced)
        .snapshots(SnapshotPolicy::Never);
    let builder = match begin {
        Begin::New => builder,
        Begin::Existing => builder.must_exist(),
    };
    Ok(builder.open()?)
}

impl Peer for Hotledger {
    fn client(&self, way: Way) -> Result<Box<dyn Client + '_>> {
        Ok(match way.in_flight {
            1 => Box::new(Closed(&self.0)),
            in_flight => Box::new(Pipelined(self.0.session(in_flight))),
        })
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut subscription: Subscription<Recorded<Account>> = self.0.subscribe(Position::ORIGIN);
        loop {
            match subscription.next_wait()? {
                Some(Delivery::Event(it)) => each(&it.event.payload.0),
                Some(Delivery::CaughtUp(_)) => return Ok(()),
                None => bail!("the engine closed before everything was read"),
            }
        }
    }
}

struct Closed<'a>(&'a Engine);

impl Client for Closed<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        for deposit in deposits {
            let account = self.0.aggregate::<Account>(deposit.account());
            account.execute(Pay(Payload(deposit.payload))).wait()?;
        }
        Ok(())
    }
}

struct Pipelined(Session<Account>);

impl Client for Pipelined {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        for deposit in deposits {
            let pay = Pay(Payload(deposit.payload));
            let submitted = self.0.submit(deposit.account(), pay);
            submitted.map_err(|_| anyhow!("the session has room for what is in flight"))?;
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<usize> {
        let mut answers = 0;
        let mut next = self.0.reap_wait();
        while let Some(answer) = next {
            answer?;
            answers += 1;
            next = if answers < ANSWERS_MAX { self.0.reap() } else { None };
        }
        Ok(answers)
    }
}

/// An account that counts its deposits.
#[derive(Default, Clone, Serialize, Deserialize)]
struct Account {
    deposits: u64,
}

#[derive(Serialize)]
struct Pay(Payload);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Paid {
    payload: Payload,
}

impl Event for Paid {}

impl Aggregate for Account {
    const KIND: &'static str = "account";
    type Id = u64;
    type Command = Pay;
    type Event = Paid;
    type Refusal = ();

    fn decide(&self, command: Pay, cx: &mut Context<Paid>) -> Result<(), ()> {
        cx.record(Paid { payload: command.0 });
        Ok(())
    }

    fn evolve(&mut self, _: &Paid) {
        self.deposits += 1;
    }
}

/// Bytes as bytes: serde would take an array for 128 numbers.
#[derive(Debug, Clone, PartialEq)]
struct Payload([u8; PAYLOAD_BYTES]);

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Payload;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{PAYLOAD_BYTES} bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Payload, E> {
                let bytes = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(Payload(bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
