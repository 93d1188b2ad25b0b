//! The single writer: one turn takes up commands, settles them, submits the batch, tells answers.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::Sender;
use hotledger_journal::{self as journal, Journal};

use crate::clock::Clock;
use crate::durable::{Durable, DurableLine};
use crate::error::HaltReason;
use crate::feed::Feed;
use crate::figures::Figures;
use crate::keys::Keys;
use crate::limits::{SETTLED_MAX, TURN_COMMANDS_MAX, WATERMARK_AFTER};
use crate::position::Timestamp;
use crate::recover::{Due, Rebuild};
use crate::state::State;
use crate::timeline::Timekeeper;
use crate::write::desk::{Broken, Commit, Desk};
use crate::write::mailbox::{Errand, Inbox, Lane, Message};

/// Everything that one engine writes, owned by one thread (or by a simulator that steps it).
pub(crate) struct Writer {
    pub(crate) state: State,
    pub(crate) keys: Keys,
    pub(crate) journal: Journal,
    pub(crate) inbox: Inbox,
    pub(crate) feed: Feed,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) due: Arc<Due>,
    /// Rung when a snapshot is due; one ring is enough.
    pub(crate) snapshot_bell: Sender<()>,
    pub(crate) rebuild: Rebuild,
    pub(crate) halted: Arc<OnceLock<HaltReason>>,
    pub(crate) line: DurableLine,
    pub(crate) last_submitted: u64,
    pub(crate) now: Timestamp,
    /// The segment that the newest durable batch is in.
    pub(crate) segment: u64,
    pub(crate) lanes: Vec<Box<dyn Lane>>,
    /// One-shot commands that are settled but not told, with the batch each rests on.
    pub(crate) settled: VecDeque<(u64, Box<dyn Errand>)>,
    pub(crate) closing: bool,
    /// Whether the sessions went first in the last turn.
    pub(crate) sessions_first: bool,
    /// Since when nothing was written; settled once the watermark is.
    pub(crate) quiet: Quiet,
    /// Follows batches through the stages, when somebody wants to know.
    pub(crate) timekeeper: Option<Box<Timekeeper>>,
}

/// How long nothing has been written. Only a writer that writes nothing reads the clock for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Quiet {
    /// Something has just been written.
    Not,
    /// Nothing since then, on the monotonic clock.
    Since(Duration),
    /// All that was acknowledged is covered by a watermark.
    Settled,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// Something was done; step again.
    Worked,
    /// A write is under way and nothing else to do: look again soon, and let the kernel work.
    Writing,
    /// Nothing to do until somebody rings, or until the watermark is due.
    Idle,
    /// Closed or halted, and everybody has been told.
    Done,
}

impl Writer {
    /// One round: reap what is written, tell, take up, submit, reap what a quick disk has written.
    pub(crate) fn step(&mut self) -> Progress {
        if self.halted.get().is_some() {
            return self.refuse_everything();
        }
        match self.turn() {
            Ok(progress) => progress,
            Err(error) => {
                self.halt(&error);
                Progress::Worked
            }
        }
    }

    /// Blocks until a write is done, and tells; commands that come meanwhile wait as long.
    pub(crate) fn await_write(&mut self) {
        if let Err(error) = self.reap(true) {
            self.halt(&error);
        }
    }

    /// Whether a step would find something to do.
    pub(crate) fn has_work(&self) -> bool {
        // What a halted engine has in flight never completes.
        let in_flight = self.halted.get().is_none() && self.journal.in_flight() > 0;
        in_flight
            || !self.inbox.messages.is_empty()
            || self.lanes.iter().any(|lane| lane.has_work() || lane.is_finished())
    }

    fn turn(&mut self) -> Result<Progress, journal::Error> {
        // First: a batch that found no free slot the last time, behind a watermark say, goes out in
        // this turn. Nobody else need ever come along.
        let mut reaped = self.reap(false)?;
        let taken = self.take_up()?;
        let submitted = self.submit()?;
        if submitted {
            // A disk that is quick has it already.
            reaped += self.reap(false)?;
        }
        if taken > 0 && self.journal.open_entries() == 0 && !submitted {
            // Refusals that rest on what is durable have nothing to wait for.
            self.tell();
        }
        if reaped > 0 || submitted {
            self.quiet = Quiet::Not;
            return Ok(Progress::Worked);
        }
        if taken > 0 {
            // Commands that leave nothing in the journal keep nobody from protecting what is.
            self.rest();
            return Ok(Progress::Worked);
        }
        if self.journal.in_flight() > 0 {
            return Ok(Progress::Writing);
        }
        assert_eq!(self.journal.open_entries(), 0, "with every slot free nothing is held back");
        Ok(if self.closing { Progress::Done } else { Progress::Idle })
    }

    /// Tells everyone whose batch has become durable; how many batches it was.
    fn reap(&mut self, wait: bool) -> Result<usize, journal::Error> {
        let mut batches = 0;
        while let Some(written) = self.journal.complete(wait && batches == 0)? {
            self.figures.wrote(&written);
            self.timekeeper.iter_mut().for_each(|keeper| keeper.written(&written));
            if self.due.wrote(written.batch.end_position(), written.batch.stored_bytes()) {
                let _ = self.snapshot_bell.try_send(());
            }
            let durable = Durable::new(written);
            self.line = durable.line();
            let batch = durable.batch();
            if std::mem::replace(&mut self.segment, batch.segment()) != batch.segment() {
                tracing::info!(segment = batch.segment(), "rolled to the next segment");
            }
            self.keys.record_chain(batch.sequence(), batch.chain());
            self.feed.offer(durable);
            self.tell();
            self.timekeeper.iter_mut().for_each(|keeper| keeper.told());
            batches += 1;
        }
        Ok(batches)
    }

    fn tell(&mut self) {
        for lane in &mut self.lanes {
            lane.tell(&self.line, &self.keys);
        }
        while self.settled.front().is_some_and(|(rests_on, _)| self.line.covers(*rests_on)) {
            let (_, errand) = self.settled.pop_front().expect("just looked");
            errand.tell(&self.line, &self.keys);
        }
    }

    /// Takes up commands until the batch is full or nobody waits. While every write slot is taken
    /// the batch stays open, and grows.
    fn take_up(&mut self) -> Result<usize, journal::Error> {
        if !self.journal.has_room() {
            return Ok(0);
        }
        self.lanes.retain(|lane| !lane.is_finished());
        let waiting = self.lanes.iter().filter(|lane| lane.has_work()).count();
        if self.inbox.messages.is_empty() && waiting == 0 {
            return Ok(0);
        }
        // Event time never goes back, whatever the clock does.
        self.now = self.now.max(self.clock.now());
        let is_new = self.journal.open_entries() == 0;
        let keeper = self.timekeeper.as_ref().filter(|_| is_new);
        let mut desk = Desk {
            state: &mut self.state,
            journal: &mut self.journal,
            keys: &mut self.keys,
            figures: &self.figures,
            now: self.now,
            last_submitted: self.last_submitted,
            commit: Commit::default(),
            stopwatch: keeper.and_then(|keeper| keeper.open()),
            failed: None,
            broken: None,
        };
        // Mailbox and sessions go first by turns, and so do the sessions among themselves: a flood
        // on one side fills one batch, never the next one as well.
        self.sessions_first = !self.sessions_first;
        let mut taken = 0;
        for sessions in [self.sessions_first, !self.sessions_first] {
            taken += if sessions {
                settle_lanes(&mut self.lanes, &mut desk, waiting)
            } else {
                let Self { inbox, lanes, settled, closing, .. } = self;
                settle_messages(inbox, lanes, settled, closing, &mut desk)
            };
        }
        let Desk { failed, broken, stopwatch, .. } = desk;
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(keeper) = &mut self.timekeeper {
            keeper.filled(stopwatch, self.journal.open_entries());
        }
        if let Some(broken) = broken {
            self.mend(broken)?;
        }
        let lanes = self.lanes.len();
        self.lanes.rotate_left(usize::from(lanes > 1));
        self.figures.weigh(&self.state, &self.keys);
        Ok(taken)
    }

    /// Hands the open batch to the disk, where a write slot is free; whether it did.
    fn submit(&mut self) -> Result<bool, journal::Error> {
        if self.journal.open_entries() == 0 || !self.journal.can_submit() {
            return Ok(false);
        }
        let commands = self.journal.open_entries();
        self.last_submitted = self.journal.submit()?;
        let sequence = self.last_submitted;
        self.timekeeper.iter_mut().for_each(|keeper| keeper.submitted(sequence));
        self.figures.submitted(commands, self.journal.next_position());
        Ok(true)
    }

    /// Replaces an aggregate whose `evolve` panicked by one that is folded from the journal.
    fn mend(&mut self, broken: Broken) -> Result<(), journal::Error> {
        while self.submit()? || self.journal.in_flight() > 0 {
            self.reap(true)?;
        }
        tracing::warn!(id = broken.id, "evolve panicked: the aggregate is rebuilt from its events");
        let rebuilt = self.rebuild.rebuild(&self.journal.reads());
        if let Err(error) = &rebuilt {
            tracing::error!(id = broken.id, %error, "it cannot be rebuilt: it is quarantined");
        }
        (broken.restore)(&mut self.state, rebuilt.ok());
        Ok(())
    }

    /// When nothing has been written for a while, protects what was acknowledged last with a
    /// watermark batch; otherwise how long it is until then, `None` if there is nothing to protect.
    /// Reads the clock: not to be called at every look for work.
    pub(crate) fn rest(&mut self) -> Option<Duration> {
        let written = self.journal.open_entries() == 0 && self.journal.in_flight() == 0;
        if self.halted.get().is_some() || self.quiet == Quiet::Settled || !written {
            return None;
        }
        let now = self.clock.monotonic();
        let Quiet::Since(since) = self.quiet else {
            self.quiet = Quiet::Since(now);
            return Some(WATERMARK_AFTER);
        };
        let left = WATERMARK_AFTER.saturating_sub(now.saturating_sub(since));
        if !left.is_zero() {
            return Some(left);
        }
        self.quiet = Quiet::Settled;
        if let Err(error) = self.journal.submit_watermark() {
            self.halt(&error);
        }
        None
    }

    fn halt(&mut self, error: &journal::Error) {
        tracing::error!(%error, "the journal failed: the engine has stopped, reopen it to go on");
        let _ = self.halted.set(HaltReason::new(error));
    }

    /// Answers everybody that the engine has stopped, those who still come included.
    fn refuse_everything(&mut self) -> Progress {
        let reason = self.halted.get().expect("only a halted writer refuses").clone();
        for (_, errand) in self.settled.drain(..) {
            errand.halt(&reason);
        }
        for lane in &mut self.lanes {
            lane.halt(&reason);
        }
        self.lanes.retain(|lane| !lane.is_finished());
        let mut progress = Progress::Idle;
        while let Ok(message) = self.inbox.messages.try_recv() {
            progress = Progress::Worked;
            match message {
                Message::Errand(errand) => errand.halt(&reason),
                Message::Lane(lane) => self.lanes.push(lane),
                Message::Close => self.closing = true,
            }
        }
        // Closing may have been asked for before the failure, or in the turn that failed.
        if self.closing { Progress::Done } else { progress }
    }

    /// Seals the journal, when the engine closes in good order.
    pub(crate) fn close(self) -> Result<(), HaltReason> {
        let reason = self.halted.get().cloned();
        let _ = self.halted.set(HaltReason::closed());
        match reason {
            Some(reason) => Err(reason),
            None => self.journal.close().map_err(HaltReason::new),
        }
    }
}

/// Settles what the mailbox holds; how many messages it was.
fn settle_messages(
    inbox: &Inbox,
    lanes: &mut Vec<Box<dyn Lane>>,
    settled: &mut VecDeque<(u64, Box<dyn Errand>)>,
    closing: &mut bool,
    desk: &mut Desk<'_>,
) -> usize {
    let mut taken = 0;
    // Refusals take no room in the batch, and wait for it all the same.
    while taken < TURN_COMMANDS_MAX && settled.len() < SETTLED_MAX && desk.is_open() {
        let Ok(message) = inbox.messages.try_recv() else { break };
        match message {
            Message::Errand(mut errand) => {
                errand.settle(desk);
                settled.push_back((desk.rests_on(), errand));
            }
            Message::Lane(lane) => lanes.push(lane),
            Message::Close => *closing = true,
        }
        taken += 1;
    }
    taken
}

/// Settles what the sessions hold, each its share; how many commands it was.
fn settle_lanes(lanes: &mut [Box<dyn Lane>], desk: &mut Desk<'_>, waiting: usize) -> usize {
    let share = TURN_COMMANDS_MAX.div_ceil(waiting.max(1));
    lanes.iter_mut().map(|lane| lane.settle(desk, share)).sum()
}
