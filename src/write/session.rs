//! The pipelined caller: submit many commands, reap the answers in order.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::aggregate::Aggregate;
use crate::durable::DurableLine;
use crate::error::{ExecuteError, HaltReason};
use crate::keys::Keys;
use crate::limits::{GROUP, SESSION_IN_FLIGHT_MAX, STRIDE, STRIDES_AHEAD};
use crate::position::{Position, Version};
use crate::receipt::{Receipt, Verdict};
use crate::wait::{Patience, Wait};
use crate::write::desk::{Commit, Desk, Parcel, Request, Taken, Trace};
use crate::write::doorbell::{Bell, Sleeper, doorbell};
use crate::write::mailbox::{Lane, Mailbox, Message};

/// The session has as many commands under way as it may; reap an answer first.
#[derive(Debug)]
pub struct Full<T>(
    /// What was not submitted.
    pub T,
);

/// How long a parked session sleeps before it looks whether the writer is still there.
const SESSION_LOOK: Duration = Duration::from_millis(50);

/// A pipelined connection to the writer for one kind of aggregate.
///
/// Commands and verdicts travel through preallocated one-to-one rings: nothing is allocated, locked
/// or woken per command. One thread owns a session; open one per thread.
pub struct Session<A: Aggregate> {
    requests: Producer<Parcel<A>>,
    verdicts: Consumer<Verdict<A::Refusal>>,
    told: Consumer<Told<A::Refusal>>,
    /// For how many of the next verdicts what was told last holds.
    heard: usize,
    /// What it is that they rest on.
    outcome: Option<Result<DurableLine, HaltReason>>,
    in_flight: usize,
    in_flight_max: usize,
    sleeper: Sleeper,
    /// Behind the rings: it rings when they are dropped.
    writer: Farewell,
    wait: Wait,
    mailbox: Mailbox,
}

/// What became of the next so many commands of a session.
struct Told<R> {
    commands: usize,
    /// A verdict that is told alone travels here: every line of memory that the session has to
    /// fetch from the writer's core takes 100 ns, and its own ring would be two more.
    alone: Option<Verdict<R>>,
    /// The line that their verdicts rest on; without it none of them may be looked at.
    outcome: Result<DurableLine, HaltReason>,
}

impl<A: Aggregate> Session<A> {
    pub(crate) fn open(mailbox: &Mailbox, wait: Wait, kind: usize, in_flight_max: usize) -> Self {
        assert!(
            (1..=SESSION_IN_FLIGHT_MAX).contains(&in_flight_max),
            "a session has 1 to {SESSION_IN_FLIGHT_MAX} commands in flight; pass such a number"
        );
        let (requests, taken) = RingBuffer::new(in_flight_max);
        let (settled, verdicts) = RingBuffer::new(in_flight_max);
        let (tell, told) = RingBuffer::new(in_flight_max);
        let (sleeper, bell) = doorbell();
        let lane = RingLane::<A> {
            kind,
            requests: taken,
            group: Vec::with_capacity(GROUP),
            begun: 0,
            foreseen: 0,
            settled: Settled::with_room_for(in_flight_max),
            verdicts: settled,
            told: tell,
            bell,
        };
        mailbox.deliver(Message::Lane(Box::new(lane)));
        let writer = Farewell(mailbox.bell().clone());
        let mailbox = mailbox.clone();
        let (heard, outcome, in_flight) = (0, None, 0);
        Self {
            requests,
            verdicts,
            told,
            heard,
            outcome,
            in_flight,
            in_flight_max,
            sleeper,
            writer,
            wait,
            mailbox,
        }
    }

    /// Sends a command without conditions.
    ///
    /// # Errors
    /// [`Full`] with the id and the command when `in_flight_max` answers are outstanding.
    pub fn submit(&mut self, id: A::Id, command: A::Command) -> Result<(), Full<Request<A>>> {
        self.request(Request::new(id, command))
    }

    /// Sends a command with its conditions.
    ///
    /// # Errors
    /// [`Full`] with the request when `in_flight_max` answers are outstanding.
    pub fn request(&mut self, request: Request<A>) -> Result<(), Full<Request<A>>> {
        if self.in_flight == self.in_flight_max {
            return Err(Full(request));
        }
        // Without a writer nobody makes room in the ring: then the answer is that it has halted,
        // and it is there to be reaped like any other.
        let pushed = self.requests.push(Parcel::of(request));
        let has_writer = !self.requests.is_abandoned();
        assert!(pushed.is_ok() || !has_writer, "there is room for all that may be in flight");
        self.in_flight += 1;
        self.writer.0.ring();
        Ok(())
    }

    /// The next answer, in the order the commands were submitted; `None` if it is not there yet.
    pub fn reap(&mut self) -> Option<Result<Receipt, ExecuteError<A::Refusal>>> {
        if self.heard == 0 {
            match self.told.pop() {
                // Not kept: it would be copied once more.
                Ok(Told { alone: Some(verdict), outcome: Ok(line), .. }) => {
                    self.in_flight -= 1;
                    return Some(verdict.tell(&line));
                }
                Ok(told) => (self.heard, self.outcome) = (told.commands, Some(told.outcome)),
                Err(_) => {
                    let gone = self.in_flight > 0 && self.is_abandoned();
                    self.in_flight -= usize::from(gone);
                    return gone.then(|| Err(ExecuteError::Halted(self.mailbox.halt_reason())));
                }
            }
        }
        self.heard -= 1;
        self.in_flight -= 1;
        Some(match self.outcome.as_ref().expect("it was heard with the count") {
            Ok(line) => {
                let verdict = self.verdicts.pop();
                verdict.expect("a verdict is there before it is told").tell(line)
            }
            Err(reason) => Err(ExecuteError::Halted(reason.clone())),
        })
    }

    /// Waits for the next answer; `None` when nothing is in flight.
    pub fn reap_wait(&mut self) -> Option<Result<Receipt, ExecuteError<A::Refusal>>> {
        if self.in_flight == 0 {
            return None;
        }
        let mut patience = Patience::new(self.wait);
        loop {
            if let Some(answer) = self.reap() {
                return Some(answer);
            }
            if !patience.pause() {
                let told = &self.told;
                let ready = || !told.is_empty() || told.is_abandoned();
                self.sleeper.sleep_unless(ready, Some(SESSION_LOOK));
            }
        }
    }

    /// Whether the writer is gone and has told no more.
    fn is_abandoned(&self) -> bool {
        self.told.is_abandoned() && self.told.is_empty()
    }

    /// Commands whose answers have not been reaped.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }
}

/// Rings when the session is dropped, so that a writer that sleeps forgets the lane.
struct Farewell(Bell);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// A session inside the writer.
struct RingLane<A: Aggregate> {
    kind: usize,
    requests: Consumer<Parcel<A>>,
    /// Commands that were taken out of the ring, to be settled from here.
    group: Vec<Taken<A>>,
    /// How many of them have been settled.
    begun: usize,
    /// How many of them have been foreseen.
    foreseen: usize,
    settled: Settled<A::Refusal>,
    verdicts: Producer<Verdict<A::Refusal>>,
    told: Producer<Told<A::Refusal>>,
    bell: Bell,
}

/// Verdicts that are not told yet, in order.
///
/// They wait here and not in the ring: a line of memory that the session has read last takes some
/// 100 ns to get back, for which a burst of verdicts waits once, and each alone would wait anew.
struct Settled<R> {
    /// What each command committed: most of them do.
    commits: VecDeque<Commit>,
    /// What else became of a command, by its number, in order; it counts, not the commit.
    others: VecDeque<(u64, Verdict<R>)>,
    /// The number of the first of the commits.
    first: u64,
    /// How many of them in a row rest on which batch.
    runs: VecDeque<(u64, usize)>,
}

impl<R> Settled<R> {
    fn with_room_for(verdicts: usize) -> Self {
        let commits = VecDeque::with_capacity(verdicts);
        Self { commits, others: VecDeque::new(), first: 0, runs: VecDeque::new() }
    }

    fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// The parts of a commit, each on its own and not inlined, so that they come in registers:
    /// read back from memory as a whole they would be waited for, see [`Commit`].
    #[inline(never)]
    fn push(&mut self, rests_on: u64, position: Position, events: u32, version: Version) {
        // The claim comes first: where it does not hold nothing has been added, and as it does not
        // hold for the verdict on a panic either, the writer stops.
        match self.runs.back_mut() {
            Some((sequence, count)) if *sequence == rests_on => *count += 1,
            last => {
                assert!(last.is_none_or(|last| last.0 < rests_on), "a verdict rests on no less");
                self.runs.push_back((rests_on, 1));
            }
        }
        self.commits.push_back(Commit { position, events, version });
    }

    #[cold]
    fn push_other(&mut self, rests_on: u64, verdict: Verdict<R>) {
        self.others.push_back((self.first + self.commits.len() as u64, verdict));
        let Commit { position, events, version } = Commit::default();
        self.push(rests_on, position, events, version);
    }

    /// Settles what was taken up; how many, one that panics half-way included, is in `settled`.
    fn settle_each<A: Aggregate<Refusal = R>>(
        &mut self,
        desk: &mut Desk<'_>,
        kind: usize,
        group: &mut [Taken<A>],
        settled: &mut usize,
    ) {
        for taken in group {
            if !desk.is_open() {
                return;
            }
            *settled += 1;
            match desk.settle(kind, taken) {
                Ok(()) => {
                    let Commit { position, events, version } = desk.commit;
                    self.push(desk.rests_on(), position, events, version);
                }
                Err(verdict) => self.push_other(desk.rests_on(), verdict),
            }
        }
    }

    /// How many may be told now; they are to be taken out.
    fn take_ready(&mut self, line: &DurableLine) -> usize {
        let told = self.runs.partition_point(|(rests_on, _)| line.covers(*rests_on));
        self.runs.drain(..told).map(|(_, count)| count).sum()
    }

    /// Takes out the first so many, with what they lacked as long as they could not be told.
    fn take(&mut self, ready: usize, keys: &Keys) -> impl Iterator<Item = Verdict<R>> {
        let others = &mut self.others;
        let numbers = self.first..;
        self.first += ready as u64;
        self.commits.drain(..ready).zip(numbers).map(move |(commit, number)| {
            if others.front().is_none_or(|(other, _)| *other != number) {
                return commit.verdict();
            }
            let (_, mut verdict) = others.pop_front().expect("just looked");
            verdict.complete(keys);
            verdict
        })
    }

    /// Forgets them all; how many they were.
    fn clear(&mut self) -> usize {
        let count = self.commits.len();
        self.first += count as u64;
        self.commits.clear();
        self.others.clear();
        self.runs.clear();
        count
    }
}

impl<A: Aggregate> RingLane<A> {
    /// Commands that are not settled yet.
    fn waiting(&self) -> usize {
        self.requests.slots() + self.group.len() - self.begun
    }

    /// Takes the next commands out of the ring, all in one go: their lines of memory come from the
    /// other core together.
    fn take_up(&mut self) {
        self.group.clear();
        (self.begun, self.foreseen) = (0, 0);
        let count = self.requests.slots().min(GROUP);
        let chunk = self.requests.read_chunk(count).expect("so many are there");
        self.group.extend(chunk.into_iter().map(|parcel| Taken::up(parcel, Trace::default())));
    }

    /// Foresees the commands that are settled next and some behind them, those that are not yet.
    fn foresee(&mut self, desk: &mut Desk<'_>) {
        let until = self.group.len().min(self.begun + (1 + STRIDES_AHEAD) * STRIDE);
        if self.foreseen < until {
            let before = self.foreseen - self.begun;
            desk.foresee(self.kind, before, &mut self.group[self.foreseen..until]);
            self.foreseen = until;
        }
    }

    fn say(&mut self, told: Told<A::Refusal>) {
        // A session that is gone does not mind; one that is there has room, as a ring of this
        // length holds a word for each command in flight.
        let _ = self.told.push(told);
        self.bell.ring();
    }
}

impl<A: Aggregate> Lane for RingLane<A> {
    fn settle(&mut self, desk: &mut Desk<'_>, budget: usize) -> usize {
        let ready = self.waiting().min(budget);
        let mut settled = 0;
        while settled < ready && desk.is_open() {
            if self.begun == self.group.len() {
                self.take_up();
            }
            self.foresee(desk);
            let (kind, from) = (self.kind, self.begun);
            let until = self.group.len().min(from + STRIDE.min(ready - settled));
            let group = &mut self.group[from..until];
            let mut done = 0;
            // Caught around all of them, not around each.
            while let Err(panic) = catch_unwind(AssertUnwindSafe(|| {
                let behind = done;
                self.settled.settle_each(desk, kind, &mut group[behind..], &mut done);
            })) {
                let verdict = desk.panicked(panic.as_ref());
                self.settled.push_other(desk.rests_on(), verdict);
            }
            self.begun += done;
            settled += done;
        }
        settled
    }

    fn tell(&mut self, line: &DurableLine, keys: &Keys) {
        let ready = self.settled.take_ready(line);
        if ready == 0 {
            return;
        }
        let mut verdicts = self.settled.take(ready, keys);
        let alone = if ready == 1 { verdicts.next() } else { None };
        let together = ready - usize::from(alone.is_some());
        let chunk = self.verdicts.write_chunk_uninit(together);
        let chunk = chunk.expect("a session has no more in flight than its rings hold");
        chunk.fill_from_iter(verdicts);
        self.say(Told { commands: ready, alone, outcome: Ok(*line) });
    }

    fn halt(&mut self, reason: &HaltReason) {
        let mut waiting = self.settled.clear() + self.group.len() - self.begun;
        self.group.clear();
        (self.begun, self.foreseen) = (0, 0);
        // Each is counted as it is taken: more may come meanwhile.
        while self.requests.pop().is_ok() {
            waiting += 1;
        }
        if waiting > 0 {
            self.say(Told { commands: waiting, alone: None, outcome: Err(reason.clone()) });
        }
    }

    fn has_work(&self) -> bool {
        self.waiting() > 0
    }

    fn is_finished(&self) -> bool {
        self.requests.is_abandoned() && self.waiting() == 0 && self.settled.is_empty()
    }
}
