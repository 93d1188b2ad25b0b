//! Runs one plan through a real engine and through the model, and compares all they say.

use std::collections::HashMap;
use std::sync::Arc;

use hotledger::{At, Builder, Engine, From, MemoryDisk, Position, Receipt};
use hotledger::{SnapshotPolicy, StateDigest, Version};
use hotledger_domains::bank::{Account, Status};
use hotledger_domains::exchange::{Book, Side};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::naive::{Answer, Ask, Intent, Model};
use super::plan::{Path, Plan, Step, Then, Wave};
use super::wire::{Due, Told, Wire, symbol};

pub(crate) type Checked<T = ()> = Result<T, TestCaseError>;

/// How often what is to be shown came up, so that a plan that shows nothing is noticed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) commands: u64,
    pub(crate) committed: u64,
    pub(crate) refused: u64,
    pub(crate) conflicts: u64,
    pub(crate) duplicates: u64,
    pub(crate) keys_reused: u64,
    pub(crate) opened: u64,
    pub(crate) opened_from_snapshot: u64,
    pub(crate) digested_from_snapshot: u64,
}

struct Run<'t> {
    disk: MemoryDisk,
    keys_max: usize,
    in_flight_max: usize,
    model: Model,
    /// How many events there are.
    head: u64,
    /// Everything that had a key, for it to be asked again.
    keyed: Vec<Ask>,
    /// What each key was answered when it was new.
    firsts: HashMap<u128, Receipt>,
    tally: &'t mut Tally,
}

/// Runs a plan from an empty disk to the last comparison.
pub(crate) fn run(plan: &Plan, tally: &mut Tally) -> Checked {
    let mut run = Run {
        disk: MemoryDisk::new().with_writes_in_flight(plan.writes_in_flight),
        keys_max: plan.keys_max,
        in_flight_max: plan.in_flight_max,
        model: Model::new(plan.keys_max),
        head: 0,
        keyed: Vec::new(),
        firsts: HashMap::new(),
        tally,
    };
    let mut wire = run.open(plan.snapshots)?;
    for wave in &plan.waves {
        run.wave(&mut wire, wave)?;
        wire = run.then(wire, wave.then)?;
    }
    let live = run.live_digest(&wire)?;
    run.compare_states(&wire.engine)?;
    wire.close();
    run.compare_the_files(live, plan)
}

impl Run<'_> {
    fn builder(&self) -> Builder {
        Engine::builder_on(Arc::new(self.disk.clone()))
            .aggregate::<Account>()
            .aggregate::<Book>()
            .segment_bytes(1 << 20, 1 << 20)
            .keys_max(self.keys_max)
    }

    fn open(&mut self, snapshots: SnapshotPolicy) -> Checked<Wire> {
        let opened = self.builder().snapshots(snapshots).open();
        let engine = opened.map_err(|error| TestCaseError::fail(error.to_string()))?;
        self.tally.opened += 1;
        self.tally.opened_from_snapshot += u64::from(engine.recovery().snapshot.is_some());
        Ok(Wire::new(engine, self.in_flight_max))
    }

    fn wave(&mut self, wire: &mut Wire, wave: &Wave) -> Checked {
        let mut told = Vec::new();
        for step in &wave.steps {
            if let Some(ask) = self.ask(step, wave.path) {
                let answer = self.model.execute(&ask);
                wire.send(wave.path, Due { ask, answer }, &mut told);
            }
        }
        wire.drain(&mut told);
        self.check(told, wave.path)?;
        prop_assert_eq!(wire.engine.position(), Position::after(self.head));
        Ok(())
    }

    fn ask(&mut self, step: &Step, path: Path) -> Option<Ask> {
        let ask = match step {
            Step::Ask { intent, key, expected_off } => {
                let right = self.model.version(intent);
                let expected = expected_off.map(|off| right + off);
                // A transfer has two versions, so none is expected of it.
                let expected = expected.filter(|_| !matches!(intent, Intent::Transfer { .. }));
                let key = key.filter(|_| path != Path::AccountsBesideBooks);
                Ask { intent: intent.clone(), key, expected }
            }
            Step::Again(_) if self.keyed.is_empty() || path == Path::AccountsBesideBooks => {
                return None;
            }
            Step::Again(which) => which.get(&self.keyed).clone(),
        };
        self.keyed.extend(ask.key.map(|_| ask.clone()));
        Some(ask)
    }

    fn check(&mut self, told: Vec<Told>, path: Path) -> Checked {
        let mut committed = Vec::new();
        for Told { due, answer, receipt } in told {
            prop_assert_eq!(&answer, &due.answer, "the answer to {:?}", due.ask);
            self.count(&answer);
            let Some(receipt) = receipt else { continue };
            if receipt.duplicate {
                let key = due.ask.key.expect("only a key makes a duplicate");
                let first = self.firsts[&key];
                prop_assert_eq!(receipt, Receipt { duplicate: true, ..first });
            } else {
                committed.push((receipt.position.events(), receipt.events));
                self.firsts.extend(due.ask.key.map(|key| (key, receipt)));
            }
        }
        if path == Path::AccountsBesideBooks {
            // Where a command without events stands, the one before it ends.
            committed.sort_by_key(|(position, events)| (*position, *events == 0));
        }
        for (position, events) in committed {
            self.head += u64::from(events);
            prop_assert_eq!(position, self.head, "positions follow one another without a gap");
        }
        Ok(())
    }

    fn count(&mut self, answer: &Answer) {
        self.tally.commands += 1;
        *match answer {
            Answer::Done { duplicate: false, .. } => &mut self.tally.committed,
            Answer::Done { .. } => &mut self.tally.duplicates,
            Answer::Refused(_) => &mut self.tally.refused,
            Answer::Conflict { .. } => &mut self.tally.conflicts,
            Answer::KeyReused => &mut self.tally.keys_reused,
            Answer::Unheard(_) => unreachable!("the model never says it"),
        } += 1;
    }

    fn then(&mut self, wire: Wire, then: Then) -> Checked<Wire> {
        let snapshots = match then {
            Then::GoOn => return Ok(wire),
            Then::Close(snapshots) | Then::Kill(snapshots) => snapshots,
        };
        let before = self.live_digest(&wire)?;
        if matches!(then, Then::Kill(_)) {
            self.disk = self.disk.copy();
        }
        wire.close();
        let wire = self.open(snapshots)?;
        prop_assert_eq!(wire.engine.recovery().rejected.clone(), Vec::<String>::new());
        prop_assert_eq!(self.live_digest(&wire)?, before, "opened again, the state is the same");
        Ok(wire)
    }

    fn live_digest(&self, wire: &Wire) -> Checked<StateDigest> {
        let (position, digest) = wire.engine.digest().expect("the engine runs");
        prop_assert_eq!(position, Position::after(self.head));
        Ok(digest)
    }

    fn compare_the_files(&mut self, live: StateDigest, plan: &Plan) -> Checked {
        let archive = self.builder().open_read_only().expect("what was closed can be looked at");
        let newest = archive.digest(None, From::Snapshot).expect("the journal can be read");
        let from_zero = archive.digest(None, From::Zero).expect("the journal can be read");
        self.tally.digested_from_snapshot += u64::from(newest.snapshot.is_some());
        prop_assert_eq!((newest.position, newest.digest), (Position::after(self.head), live));
        prop_assert_eq!((from_zero.position, from_zero.digest), (newest.position, live));
        prop_assert_eq!(from_zero.tail_events, self.head);

        let cut = Some(Position::after(plan.cut.index(self.head as usize + 1) as u64));
        let newest = archive.digest(cut, From::Snapshot).expect("the journal can be read");
        let from_zero = archive.digest(cut, From::Zero).expect("the journal can be read");
        prop_assert_eq!(newest.digest, from_zero.digest, "after {:?}", cut);
        Ok(())
    }

    /// The states as the journal has them; that the live ones are the same, the digests say.
    fn compare_states(&self, engine: &Engine) -> Checked {
        let mut events = 0;
        for (&id, account) in &self.model.accounts {
            let found = engine.as_of(At::Latest).aggregate::<Account>(&id.into());
            let found = found.expect("the journal can be read").expect("it has events");
            let status = if account.state.closed { Status::Closed } else { Status::Open };
            prop_assert_eq!(found.version, Version(account.version));
            prop_assert_eq!(found.state.status(), status);
            prop_assert_eq!(found.state.balance(), account.state.money);
            events += account.version;
        }
        for (&id, book) in &self.model.books {
            let found = engine.as_of(At::Latest).aggregate::<Book>(&symbol(id));
            let found = found.expect("the journal can be read").expect("it has events");
            prop_assert_eq!(found.version, Version(book.version));
            for side in [Side::Buy, Side::Sell] {
                let queue: Vec<_> = found.state.queue(side).collect();
                prop_assert_eq!(queue, book.state.queue(side));
            }
            events += book.version;
        }
        prop_assert_eq!(events, self.head, "no aggregate has events that the model does not know");
        Ok(())
    }
}
