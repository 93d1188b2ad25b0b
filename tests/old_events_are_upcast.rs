//! A journal that version 1 of a program wrote is read, and written on, by version 3 of it.
//!
//! The journal lies in `tests/fixtures/v1`. To write it anew, when the format of the journal
//! changes and a fixture of the old format is kept beside it:
//! `HOTLEDGER_WRITE_FIXTURE=1 cargo test --test old_events_are_upcast`.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/v1.rs"]
mod v1;
#[path = "support/v3.rs"]
mod v3;

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use hotledger::codec::{CodecError, DecodeError};
use hotledger::{Aggregate, At, Builder, Context, Delivery, Engine, Event, ExecuteError, From};
use hotledger::{OpenError, Position, Recorded, Subscription, Upcasters};
use serde::{Deserialize, Serialize};
use v1::AccountEvent;
use v3::{Cents, Remarked, Remarks, Wallet, WalletEvent};

/// Over the states of version 1, and over those of version 3. What is on disk never changes, so
/// neither do these; a change of a state's shape changes its digest, and is told here.
const DIGEST_V1: &str = "cd2426887f606940a0dc73f18a99dcf17aa19730133c4e6dff1c034ecc94e564";
const DIGEST_V3: &str = "3160a511c29a59316acbf701a5aa5a9c70c4f6d6dc6b0b1432ea54b2eb16b385";

/// Everything that there is to be delivered now.
fn history<T: fmt::Debug>(subscription: Subscription<T>) -> Vec<T> {
    let events = subscription.map_while(|delivery| match delivery.unwrap() {
        Delivery::Event(event) => Some(event),
        Delivery::CaughtUp(_) => None,
    });
    events.collect()
}

/// What an event of version 1 means today.
fn today(old: &AccountEvent) -> WalletEvent {
    match old {
        AccountEvent::Opened { owner } => {
            WalletEvent::Opened { owner: owner.clone(), premium: false }
        }
        AccountEvent::PaidIn { sum } => {
            WalletEvent::Deposited { cents: sum * 100, currency: "EUR".into() }
        }
        AccountEvent::PaidOut { sum } => WalletEvent::Withdrawn { cents: sum * 100 },
        AccountEvent::Closed => WalletEvent::Closed { reason: "not said".into() },
    }
}

#[test]
fn the_fixture_is_what_version_1_writes() {
    let (fresh, kept) = (tempfile::tempdir().unwrap(), fixture::unpack("v1"));
    v1::write(fresh.path());
    if std::env::var_os("HOTLEDGER_WRITE_FIXTURE").is_some() {
        fixture::pack(fresh.path(), "v1");
        return;
    }
    let [fresh, kept] =
        [&fresh, &kept].map(|directory| v1::builder(directory.path()).open().unwrap());
    let raw = |engine: &Engine| history(engine.subscribe_all(Position::ORIGIN));
    assert_eq!(raw(&fresh), raw(&kept));
    let accounts = |engine: &Engine| history(engine.subscribe::<v1::Account>(Position::ORIGIN));
    assert_eq!(accounts(&fresh), accounts(&kept));
    assert!(kept.recovery().snapshot.is_some(), "{:?}", kept.recovery());
    assert_eq!(kept.stats().segments, 2, "one segment of the fixture is sealed");
    for engine in [fresh, kept] {
        assert_eq!(engine.digest().unwrap().1.to_string(), DIGEST_V1);
    }
}

#[test]
fn every_event_comes_back_as_what_it_means_today() {
    let (old, new) = (fixture::unpack("v1"), fixture::unpack("v1"));
    let old = v1::builder(old.path()).open().unwrap();
    let new = v3::builder(new.path()).open().unwrap();
    let expected = history(old.subscribe::<v1::Account>(Position::ORIGIN));
    let expected = expected.iter().map(|recorded| Recorded::<Wallet> {
        id: recorded.id,
        version: recorded.version,
        position: recorded.position,
        time: recorded.time,
        key: recorded.key,
        correlation: recorded.correlation,
        causation: recorded.causation,
        event: today(&recorded.event),
    });
    let found = history(new.subscribe::<Wallet>(Position::ORIGIN));
    assert_eq!(found, expected.collect::<Vec<_>>());
    let notes = history(old.subscribe::<v1::Note>(Position::ORIGIN));
    let remarks = history(new.subscribe::<Remarks>(Position::ORIGIN));
    assert_eq!(notes.len(), 10);
    for (note, remark) in notes.iter().zip(&remarks) {
        assert_eq!((&note.id, note.position), (&remark.id, remark.position));
        assert_eq!(remark.event, Remarked { words: v3::words(&note.event.text) });
    }
}

#[test]
fn states_views_and_digest_are_those_of_today() {
    let (old, new) = (fixture::unpack("v1"), fixture::unpack("v1"));
    let old = v1::builder(old.path()).open().unwrap();
    let engine = v3::builder(new.path()).open().unwrap();
    let recovery = engine.recovery();
    assert_eq!((recovery.position, recovery.snapshot), (old.position(), None));
    assert!(recovery.rejected[0].contains("another shape"), "{:?}", recovery.rejected);
    let cents = engine.view::<Cents>();
    let cents = cents.read_after(engine.position()).unwrap();
    for id in 1..=12 {
        let then = old.as_of(At::Latest).aggregate::<v1::Account>(&id).unwrap().unwrap();
        let now = engine.as_of(At::Latest).aggregate::<Wallet>(&id).unwrap().unwrap();
        let v1::Account { owner, euros, closed } = then.state;
        let closed = closed.then(|| "not said".to_owned());
        assert_eq!(now.state, Wallet { owner, cents: euros * 100, closed });
        assert_eq!(cents.0[&id], euros * 100);
        assert_eq!(now.version, then.version);
    }
    drop(cents);

    let digest = engine.digest().unwrap();
    assert_eq!(digest.1.to_string(), DIGEST_V3);
    engine.close().unwrap();
    let archive = v3::builder(new.path()).open_read_only().unwrap();
    for from in [From::Snapshot, From::Zero] {
        let report = archive.digest(None, from).unwrap();
        assert_eq!((report.position, report.digest), digest);
    }
    drop(archive);
    assert_eq!(v3::builder(new.path()).open().unwrap().digest().unwrap(), digest);
}

#[test]
fn writing_goes_on_behind_old_events() {
    let directory = fixture::unpack("v1");
    let engine = v3::builder(directory.path()).open().unwrap();
    let head = engine.position();
    let wallet = engine.aggregate::<Wallet>(3_u64);
    let touch = || wallet.execute(v3::Command::Touch).key(v1::TOUCH_KEY).wait();
    assert!(touch().unwrap().duplicate, "a key of version 1 is known");
    let other = wallet.execute(v3::Command::PayIn(1)).key(v1::TOUCH_KEY).wait();
    assert_eq!(other, Err(ExecuteError::KeyReused));
    let before = engine.as_of(head).aggregate::<Wallet>(&3).unwrap().unwrap();
    let receipt = wallet.execute(v3::Command::PayIn(5)).wait().unwrap();
    assert_eq!(receipt.position, Position::after(head.events() + 1));
    assert_eq!(receipt.version.0, before.version.0 + 1);
    let cents = before.state.cents + 500;
    assert_eq!(engine.view::<Cents>().read_after(receipt.position).unwrap().0[&3], cents);
    let newest = history(engine.subscribe_all(head)).remove(0);
    assert_eq!((&*newest.event_type, newest.schema), ("Deposited", 3));
    let digest = engine.digest().unwrap();
    engine.close().unwrap();

    let engine = v3::builder(directory.path()).open().unwrap();
    assert_eq!(engine.digest().unwrap(), digest);
    let found = engine.as_of(At::Latest).aggregate::<Wallet>(&3).unwrap().unwrap();
    assert_eq!((found.state.cents, found.version), (cents, receipt.version));
}

/// An aggregate that does nothing but read its events: all that an opening comes to.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Reads<E>(PhantomData<fn() -> E>);

impl<E> Default for Reads<E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E> Clone for Reads<E> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<E: Event> Aggregate for Reads<E> {
    const KIND: &'static str = "account";
    const STATE_VERSION: u16 = 3;
    type Id = u64;
    type Command = ();
    type Event = E;
    type Refusal = ();

    fn decide(&self, (): (), _: &mut Context<E>) -> Result<(), ()> {
        Ok(())
    }

    fn evolve(&mut self, _: &E) {}
}

/// Version 3 without the step from cents to a currency.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
struct Gap(WalletEvent);

impl Event for Gap {
    const VERSIONS: &'static [(&'static str, u16)] = WalletEvent::VERSIONS;

    fn upcasters() -> Upcasters {
        Upcasters::new()
            .rename("PaidIn", 1, "Deposited")
            .step("Deposited", 1, v3::to_cents)
            .rename("PaidOut", 1, "Withdrawn")
            .step("Withdrawn", 1, v3::to_cents)
            .step("Closed", 1, |(): ()| ())
    }
}

/// Version 3 without its upcasters.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Fresh {
    Opened { owner: String },
    Deposited { cents: u64, currency: String },
}

impl Event for Fresh {}

/// Opens the fixture, or another directory of version 1, to be refused without a trace.
#[track_caller]
fn refused(directory: &Path, builder: Builder) -> OpenError {
    let before = fixture::contents(directory);
    let refused = builder.open().map(|_| ()).unwrap_err();
    fixture::assert_unchanged(directory, &before);
    refused
}

#[test]
fn a_missing_step_is_named() {
    let directory = fixture::unpack("v1");
    let builder = Engine::builder(directory.path()).aggregate::<Reads<Gap>>();
    let refused = refused(directory.path(), builder);
    let OpenError::Events { kind: "account", source } = &refused else { panic!("{refused:?}") };
    let missing = CodecError::StepMissing { name: "Deposited".into(), version: 2 };
    assert_eq!(*source, missing);
    let message = refused.to_string();
    assert!(message.contains(".step::<Old, New>(\"Deposited\", 2, |old| ..)"), "{message}");
}

#[test]
fn a_type_that_nobody_knows_is_named() {
    let directory = fixture::unpack("v1");
    let builder = Engine::builder(directory.path()).aggregate::<Reads<Fresh>>();
    let refused = refused(directory.path(), builder.aggregate::<v1::Note>());
    let OpenError::Event { kind: "account", position, source, .. } = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(*position, Position::at(12), "the first event after the accounts were opened");
    assert_eq!(*source, DecodeError::UnknownType { name: "PaidIn".into(), schema: 1 });
    let message = refused.to_string();
    assert!(message.contains(".rename(\"PaidIn\", 1, \"NewName\")"), "{message}");
}

#[test]
fn a_kind_that_is_not_registered_is_named() {
    let directory = fixture::unpack("v1");
    let builder = Engine::builder(directory.path()).aggregate::<Wallet>();
    let refused = refused(directory.path(), builder);
    let OpenError::UnknownKind { kind, position } = &refused else { panic!("{refused:?}") };
    assert_eq!((kind.as_str(), *position), ("note", Position::at(13)));
}

#[test]
fn version_1_does_not_read_what_version_3_wrote() {
    let directory = fixture::unpack("v1");
    let engine = v3::builder(directory.path()).open().unwrap();
    let close = v3::Command::Close("moved away".into());
    let closed = engine.aggregate::<Wallet>(4_u64).execute(close).wait().unwrap();
    engine.close().unwrap();
    let refused = refused(directory.path(), v1::builder(directory.path()));
    let OpenError::Event { position, source, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(*position, closed.position);
    let newer = DecodeError::NewerSchema { name: "Closed".into(), schema: 2, known: 1 };
    assert_eq!(*source, newer);
}
