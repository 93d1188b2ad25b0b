//! The world of one seed: a disk, a clock, an engine while it lives, and what is known of it.

use std::sync::Arc;
use std::time::Duration;

use hotledger::{Engine, From, OpenError, ReadError, SnapshotPolicy, Stage, Stages};
use hotledger_journal::{self as journal, Disk, verify::verify};

use crate::aim::Aim;
use crate::clock::SimulatedClock;
use crate::dice::{Dice, mix};
use crate::disk::{Fired, ModelDisk};
use crate::oracle::{Blind, Oracle};
use crate::plan::{Action, End, Plan, Setting};
use crate::subject::{Outbox, Outcome, Subject};
use crate::summary::{Note, Notes};

/// How a seed stopped before its plan was done.
pub(crate) enum Stop {
    /// A promise was broken.
    Violation(String),
    /// The disk lied, and that was noticed before anything wrong was served.
    Noticed,
    /// The disk lost the very last batches, which no watermark covered: the documented hole.
    Hole,
}

type Flow = Result<(), Stop>;

/// Rounds of all stages within which everything comes to rest.
const ROUNDS_MAX: usize = 400;

/// Long enough for a watermark, and for anything that is tried again after a pause.
const A_WHILE: Duration = Duration::from_millis(600);

/// Everything there is.
pub(crate) struct World<'s> {
    subject: &'s mut dyn Subject,
    disk: ModelDisk,
    clock: Arc<SimulatedClock>,
    aim: Aim,
    setting: Setting,
    life: Option<Life>,
    oracle: Oracle,
    outbox: Outbox,
    pub(crate) notes: Notes,
    trace: u64,
}

/// A running engine. The stages go first: a crash tells nobody.
struct Life {
    stages: Stages,
    engine: Engine,
    /// Something was made to fail in this life, and may come out later.
    troubled: bool,
}

impl<'s> World<'s> {
    pub(crate) fn new(plan: &Plan, subject: &'s mut dyn Subject) -> Self {
        let setting = plan.setting;
        let disk = ModelDisk::new(mix(plan.seed));
        let disk = disk.with_writes_in_flight(setting.writes_in_flight);
        let disk = if setting.reserves { disk } else { disk.without_reserving() };
        let aim = Aim::default();
        if setting.writes_in_flight > 1 {
            aim.slowly(Dice::new(plan.seed));
        }
        disk.set_chooser(aim.chooser());
        Self {
            subject,
            disk,
            clock: Arc::default(),
            aim,
            setting,
            life: None,
            oracle: Oracle::default(),
            outbox: Outbox::default(),
            notes: Notes::default(),
            trace: 0,
        }
    }

    /// What was done to the disk in all.
    pub(crate) fn fired(&self) -> Fired {
        self.disk.fired()
    }

    /// A hash over every operation on the disk and every answer.
    pub(crate) fn trace(&self) -> u64 {
        mix(self.trace ^ self.disk.trace())
    }

    /// Does one thing.
    pub(crate) fn act(&mut self, action: Action) -> Flow {
        match action {
            Action::Send(seed) => self.send(seed),
            Action::Writer(times) => self.step(Stage::Writer, times),
            Action::Stage(which) => self.step_other(which),
            Action::Advance(ms) => {
                self.clock.advance(Duration::from_millis(ms.into()));
                Ok(())
            }
            Action::Jump(ms) => {
                self.notes.add(Note::ClockJumped);
                self.clock.jump(i64::from(ms) * 1_000_000);
                Ok(())
            }
            Action::Glance => self.glance(),
            Action::Settle => self.settle(),
            Action::Intrude => self.intrude(),
            Action::Digest => self.digest(),
            Action::Evict => {
                self.disk.evict();
                Ok(())
            }
            Action::Trouble(trouble, after) => {
                self.aim.at(trouble, after);
                Ok(())
            }
            Action::Heal => {
                self.heal();
                Ok(())
            }
            Action::Fill(blocks) => {
                self.disk.set_capacity(Some(self.disk.used() + u64::from(blocks) * (64 << 10)));
                self.aim.troubled();
                Ok(())
            }
            Action::Rot(seed) => self.rot(seed),
            Action::End(end) => self.end(end),
            Action::Open(setting) => self.open(setting),
        }
    }

    /// Brings everything to a good end, and looks a last time.
    pub(crate) fn finish(&mut self) -> Flow {
        if self.life.is_some() {
            self.end(End::PowerCut)?;
        }
        self.heal();
        self.open(None)?;
        if self.life.is_none() {
            return Err(Stop::Violation("it does not open on a sound disk".into()));
        }
        self.settle()?;
        if self.life.as_ref().is_some_and(|life| life.engine.halted().is_some()) {
            return Err(Stop::Violation("it halts on a sound disk".into()));
        }
        self.digest()?;
        self.end(End::Close)?;
        let disk: Arc<dyn Disk> = Arc::new(self.disk.fork());
        let summary = verify(&disk, &mut |_| {}).map_err(|error| violation(&error))?;
        if self.aim.has_lied() {
            return Ok(());
        }
        if summary.findings > 0 {
            return Err(Stop::Violation("the verifier finds damage where there is none".into()));
        }
        self.oracle.chains(&self.disk.fork()).map_err(Stop::Violation)
    }

    fn send(&mut self, seed: u64) -> Flow {
        let Some(life) = &self.life else { return Ok(()) };
        self.subject.send(&life.engine, &mut Dice::new(seed), &mut self.outbox);
        self.tell()
    }

    fn step_other(&mut self, which: u8) -> Flow {
        let Some(life) = &self.life else { return Ok(()) };
        let others: Vec<_> = life.stages.all().skip(1).collect();
        self.step(others[usize::from(which) % others.len()], 1)
    }

    fn step(&mut self, stage: Stage, times: u8) -> Flow {
        for _ in 0..times {
            let Some(life) = &mut self.life else { return Ok(()) };
            life.stages.step(stage);
            self.tell()?;
            self.bury()?;
        }
        Ok(())
    }

    /// Hands answers to whoever waits for them.
    fn tell(&mut self) -> Flow {
        let Some(life) = &self.life else { return Ok(()) };
        let durable = life.engine.position();
        for (tag, outcome) in self.outbox.answered() {
            self.oracle.answered(&outcome, durable).map_err(Stop::Violation)?;
            self.aim.promised(self.oracle.promised());
            self.trace = mix(self.trace ^ mix(tag) ^ durable.events());
            self.notes.add(match &outcome {
                Outcome::Committed(receipt) if receipt.duplicate => Note::Duplicate,
                Outcome::Committed(_) => Note::Committed,
                Outcome::Rejected(_) => Note::Rejected,
                Outcome::NoRoom => Note::NoRoom,
                Outcome::Unknown => Note::Unknown,
            });
            let right = self.subject.answered(tag, &outcome, durable);
            right.map_err(|why| self.broken(why))?;
        }
        Ok(())
    }

    /// A promise is broken, unless a lie of the disk may have taken an entry without events.
    fn broken(&self, why: String) -> Stop {
        let excused = self.aim.may_end_after(self.oracle.promised());
        if excused { Stop::Hole } else { Stop::Violation(why) }
    }

    /// Ends the life that a planned death has ended.
    fn bury(&mut self) -> Flow {
        if !self.disk.is_gone() {
            return Ok(());
        }
        self.end(if self.aim.was_kill() { End::Kill } else { End::PowerCut })
    }

    fn heal(&mut self) {
        if let Some(life) = &mut self.life {
            life.troubled |= self.aim.is_troubled();
        }
        self.disk.heal();
        self.disk.set_capacity(None);
        self.disk.set_chooser(self.aim.chooser());
        self.aim.nowhere();
    }

    fn glance(&mut self) -> Flow {
        let Some(life) = &self.life else { return Ok(()) };
        if life.engine.halted().is_some() {
            self.notes.add(Note::ReadWhileHalted);
        }
        if let Err(blind) = self.oracle.follow(&life.engine) {
            return self.judge(blind);
        }
        let held = self.subject.glance(&life.engine, self.oracle.history());
        held.map_err(Stop::Violation)
    }

    /// Lets everything come to rest on a disk that does what it should.
    fn rest(&mut self) -> Flow {
        self.heal();
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            let Some(life) = &mut self.life else { return Ok(()) };
            let mut worked = false;
            for stage in life.stages.all() {
                use hotledger::Stepped::{Failed, Worked, Writing};
                worked |= matches!(life.stages.step(stage), Worked | Writing | Failed(_));
            }
            self.clock.advance(A_WHILE);
            self.tell()?;
            quiet = if worked { 0 } else { quiet + 1 };
            if quiet == 3 && self.outbox.is_empty() {
                return Ok(());
            }
        }
        // What was damaged stays so, and may be tried for ever.
        if self.aim.has_lied() && self.outbox.is_empty() {
            return Ok(());
        }
        Err(Stop::Violation(format!("no rest: {} answers are missing", self.outbox.len())))
    }

    fn settle(&mut self) -> Flow {
        self.rest()?;
        let Some(life) = &self.life else { return Ok(()) };
        if life.engine.halted().is_none() && !self.aim.has_lied() {
            // When trouble has passed, there is room again.
            let before = self.notes.count(Note::NoRoom);
            self.send(mix(self.trace))?;
            self.rest()?;
            if self.notes.count(Note::NoRoom) > before {
                return Err(Stop::Violation("there is no room on a disk that has room".into()));
            }
        }
        let Some(life) = &self.life else { return Ok(()) };
        if let Err(blind) = self.oracle.follow(&life.engine) {
            return self.judge(blind);
        }
        let held = self.subject.holds(&life.engine, self.oracle.history());
        match held {
            // What a lying disk holds cannot be read, and that is said.
            Err(_) if self.aim.has_lied() => Err(Stop::Noticed),
            held => held.map_err(Stop::Violation),
        }
    }

    /// Live state, replay from zero, and snapshot with tail are one.
    fn digest(&mut self) -> Flow {
        self.rest()?;
        let Some(life) = &self.life else { return Ok(()) };
        if life.engine.halted().is_some() || self.aim.has_lied() {
            return Ok(());
        }
        let Some(live) = life.stages.digest() else { return Ok(()) };
        let builder = Engine::builder_on(Arc::new(self.disk.fork()));
        let archive = self.subject.build(builder).open_read_only();
        let archive = archive.map_err(|error| violation(&error))?;
        for from in [From::Zero, From::Snapshot] {
            let report = archive.digest(None, from).map_err(|error| violation(&error))?;
            if report.digest != live {
                return Err(Stop::Violation(format!(
                    "live is {live:?}, {from:?} gives {report:?}"
                )));
            }
            if report.snapshot.is_some() {
                self.notes.add(Note::SnapshotUsed);
            }
        }
        Ok(())
    }

    /// A second engine on the same disk is sent away, and nothing has changed.
    fn intrude(&mut self) -> Flow {
        if self.life.is_none() {
            return Ok(());
        }
        let before = self.aim.changes();
        let opened = self.builder().open_stepped();
        self.bury()?;
        match opened {
            Err(OpenError::Journal(journal::Error::Locked)) if self.aim.changes() == before => {
                self.notes.add(Note::SentAway);
                Ok(())
            }
            Err(_) if self.aim.is_troubled() => Ok(()),
            Err(error) => Err(violation(&error)),
            Ok(_) => Err(Stop::Violation("two engines on one disk".into())),
        }
    }

    /// Lets one bit rot below what is durable.
    fn rot(&mut self, seed: u64) -> Flow {
        self.settle()?;
        let mut dice = Dice::new(seed);
        let halted = |life: &Life| life.engine.halted().is_some();
        if self.life.as_ref().is_none_or(halted) {
            return Ok(());
        }
        let mut files = self.disk.fork().list().map_err(|error| violation(&error))?;
        files.retain(|name| name != "lock");
        files.sort_unstable();
        let file = &files[dice.below(files.len() as u64) as usize];
        // Most of a file is zeros that mean nothing yet: most bits rot near its start.
        let within = if dice.chance(800) { 100 << 10 } else { 1 << 20 };
        let (offset, bits) = (dice.below(within), 1 << dice.below(8));
        if self.disk.rot(file, offset, bits).is_ok() {
            self.aim.damaged();
        }
        Ok(())
    }

    fn end(&mut self, end: End) -> Flow {
        if end == End::Close && !self.disk.is_gone() {
            self.close()?;
        }
        let next = match end {
            End::Close if !self.disk.is_gone() => self.disk.clone(),
            End::PowerCut => self.disk.crash(),
            End::Close | End::Kill => self.disk.kill(),
        };
        self.disk = next;
        self.life = None;
        self.aim.ended();
        for (tag, outcome) in self.outbox.answered() {
            if let Outcome::Committed(_) = outcome {
                return Err(Stop::Violation("a command was answered after the end".into()));
            }
            self.notes.add(Note::Unknown);
            let durable = hotledger::Position::ORIGIN;
            self.subject.answered(tag, &outcome, durable).map_err(Stop::Violation)?;
        }
        self.outbox.lost();
        self.subject.ended();
        Ok(())
    }

    fn close(&mut self) -> Flow {
        let Some(life) = &mut self.life else { return Ok(()) };
        let closed = life.stages.close();
        let troubled = life.troubled || self.aim.is_troubled();
        self.tell()?;
        match closed {
            Err(reason) if !troubled => {
                Err(Stop::Violation(format!("it does not close: {reason}")))
            }
            _ => Ok(()),
        }
    }

    fn builder(&self) -> hotledger::Builder {
        let Setting { segment_bytes, snapshot_every, mailbox, fill, .. } = self.setting;
        let snapshots = match snapshot_every {
            0 => SnapshotPolicy::Never,
            events => SnapshotPolicy::Events(events),
        };
        self.subject
            .build(Engine::builder_on(Arc::new(self.disk.clone())))
            .segment_bytes(segment_bytes, segment_bytes.max(2 << 20))
            .fill(fill)
            .mailbox_commands_max(mailbox)
            .snapshots(snapshots)
            .clock(Arc::clone(&self.clock) as Arc<dyn hotledger::Clock>)
    }

    fn open(&mut self, setting: Option<Setting>) -> Flow {
        if self.life.is_some() {
            return Ok(());
        }
        if let Some(setting) = setting {
            self.notes.add(Note::OtherSetting);
            self.setting = setting;
            self.disk = self.disk.clone().with_writes_in_flight(setting.writes_in_flight);
        }
        self.aim.used_with(self.setting.writes_in_flight);
        let before = self.aim.changes();
        match self.builder().open_stepped() {
            Ok((engine, stages)) => self.begin(engine, stages),
            Err(_) if self.disk.is_gone() => {
                self.notes.add(Note::CrashInRecovery);
                self.bury()
            }
            Err(error) => self.refused(&error, before),
        }
    }

    fn begin(&mut self, engine: Engine, stages: Stages) -> Flow {
        self.notes.add(Note::Opened);
        if engine.recovery().torn_bytes > 0 {
            self.notes.add(Note::TornTail);
        }
        if engine.recovery().rewritten_batches > 0 {
            self.notes.add(Note::Rewritten);
        }
        let looked = self.oracle.look(&engine);
        self.life = Some(Life { stages, engine, troubled: false });
        match looked {
            Ok(()) => Ok(()),
            Err(blind) => self.judge(blind),
        }
    }

    /// A refusal to open is right where the disk lied, and where it fails; it changes no byte.
    fn refused(&mut self, error: &OpenError, changes_before: u64) -> Flow {
        self.notes.add(Note::Refused);
        let damaged = is_damage(error);
        if damaged && self.aim.changes() != changes_before {
            return Err(Stop::Violation(format!("the refusal changed the disk: {error}")));
        }
        if damaged && self.aim.has_lied() {
            return Err(Stop::Noticed);
        }
        if damaged || !self.aim.is_troubled() { Err(violation(error)) } else { Ok(()) }
    }

    /// What it means that the history could not be seen, or is another.
    fn judge(&mut self, blind: Blind) -> Flow {
        if self.disk.is_gone() {
            return self.bury();
        }
        match blind {
            Blind::Unreadable(ReadError::Journal(journal::Error::Corrupt { .. }))
                if self.aim.has_lied() =>
            {
                Err(Stop::Noticed)
            }
            Blind::Unreadable(ReadError::Journal(error))
                if self.aim.is_troubled() && !is_damage(&error.clone().into()) =>
            {
                Ok(())
            }
            Blind::Cut(events) if self.aim.may_end_after(events) => Err(Stop::Hole),
            Blind::Cut(events) => {
                let promised = self.oracle.promised();
                Err(Stop::Violation(format!("{events} events are left of {promised}")))
            }
            Blind::Unreadable(error) => Err(violation(&error)),
            Blind::Wrong(why) => Err(Stop::Violation(why)),
        }
    }
}

fn is_damage(error: &OpenError) -> bool {
    use journal::Error::{Corrupt, UnknownFormat};
    match error {
        OpenError::Journal(error) => matches!(error, Corrupt { .. } | UnknownFormat { .. }),
        OpenError::SnapshotAhead { .. } => true,
        _ => false,
    }
}

fn violation(error: &dyn std::error::Error) -> Stop {
    Stop::Violation(error.to_string())
}
