//! The pipelined caller: submit many commands, reap the answers in order.

use std::collections::VecDeque;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::aggregate::Aggregate;
use crate::durable::DurableLine;
use crate::error::{ExecuteError, HaltReason};
use crate::keys::Keys;
use crate::limits::{GROUP, SESSION_IN_FLIGHT_MAX};
use crate::receipt::{Receipt, Verdict};
use crate::wait::{Patience, Wait};
use crate::write::desk::{Desk, Parcel, Request, Trace};
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
    /// What was told last, and for how many verdicts it still holds.
    telling: Option<Told<A::Refusal>>,
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
            settled: Settled::with_room_for(in_flight_max),
            verdicts: settled,
            told: tell,
            bell,
        };
        mailbox.deliver(Message::Lane(Box::new(lane)));
        let writer = Farewell(mailbox.bell().clone());
        let mailbox = mailbox.clone();
        let (telling, in_flight) = (None, 0);
        Self {
            requests,
            verdicts,
            told,
            telling,
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
        if !self.hears() {
            let gone = self.in_flight > 0 && self.is_abandoned();
            self.in_flight -= usize::from(gone);
            return gone.then(|| Err(ExecuteError::Halted(self.mailbox.halt_reason())));
        }
        let telling = self.telling.as_mut().expect("it hears something");
        telling.commands -= 1;
        self.in_flight -= 1;
        Some(match &telling.outcome {
            Ok(line) => {
                let verdict = telling.alone.take().or_else(|| self.verdicts.pop().ok());
                verdict.expect("a verdict is there before it is told").tell(line)
            }
            Err(reason) => Err(ExecuteError::Halted(reason.clone())),
        })
    }

    /// Whether something has been told about the oldest command in flight.
    #[inline]
    fn hears(&mut self) -> bool {
        if self.telling.as_ref().is_none_or(|telling| telling.commands == 0) {
            self.telling = self.told.pop().ok();
        }
        self.telling.is_some()
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
    verdicts: VecDeque<Verdict<R>>,
    /// How many of them in a row rest on which batch.
    runs: VecDeque<(u64, usize)>,
    /// How many of them lack something that is known only when they are told.
    incomplete: usize,
}

impl<R> Settled<R> {
    fn with_room_for(verdicts: usize) -> Self {
        let (verdicts, runs) = (VecDeque::with_capacity(verdicts), VecDeque::new());
        Self { verdicts, runs, incomplete: 0 }
    }

    /// Inlined where a commit is put together, whose parts then go to their places one by one: read
    /// back as a whole they would be waited for, see `Commit`.
    #[inline(always)]
    fn push(&mut self, rests_on: u64, verdict: Verdict<R>) {
        self.incomplete += usize::from(!verdict.is_complete());
        self.verdicts.push_back(verdict);
        match self.runs.back_mut() {
            Some((sequence, count)) if *sequence == rests_on => *count += 1,
            last => {
                assert!(last.is_none_or(|last| last.0 < rests_on), "a verdict rests on no less");
                self.runs.push_back((rests_on, 1));
            }
        }
    }

    /// As `push`, for all verdicts that are put together elsewhere.
    #[inline(never)]
    fn push_other(&mut self, rests_on: u64, verdict: Verdict<R>) {
        self.push(rests_on, verdict);
    }

    /// Adds what the first so many lack, now that they may be told.
    fn complete(&mut self, ready: usize, keys: &Keys) {
        if self.incomplete == 0 {
            return;
        }
        for verdict in self.verdicts.iter_mut().take(ready).filter(|said| !said.is_complete()) {
            verdict.complete(keys);
            self.incomplete -= 1;
        }
    }

    /// Takes out how many may be told now.
    fn take_ready(&mut self, line: &DurableLine) -> usize {
        let told = self.runs.partition_point(|(rests_on, _)| line.covers(*rests_on));
        self.runs.drain(..told).map(|(_, count)| count).sum()
    }
}

impl<A: Aggregate> RingLane<A> {
    fn say(&mut self, told: Told<A::Refusal>) {
        // A session that is gone does not mind; one that is there has room, as a ring of this
        // length holds a word for each command in flight.
        let _ = self.told.push(told);
        self.bell.ring();
    }
}

impl<A: Aggregate> Lane for RingLane<A> {
    fn settle(&mut self, desk: &mut Desk<'_>, budget: usize) -> usize {
        let ready = self.requests.slots().min(budget);
        let mut settled = 0;
        while settled < ready && desk.is_open() {
            let Ok(chunk) = self.requests.read_chunk(GROUP.min(ready - settled)) else { break };
            let (first, second) = chunk.as_slices();
            let hashes = desk.foresee(self.kind, first.iter().chain(second));
            // The iterator gives back what it did not hand out.
            let mut requests = chunk.into_iter();
            let mut at = 0;
            while desk.is_open() {
                let Some(parcel) = requests.next() else { break };
                let hash = hashes.map(|hashes| hashes[at]);
                match desk.settle(self.kind, parcel, hash, Trace::default()) {
                    Ok(()) => self.settled.push(desk.rests_on(), desk.commit.verdict()),
                    Err(verdict) => self.settled.push_other(desk.rests_on(), verdict),
                }
                at += 1;
            }
            settled += at;
        }
        settled
    }

    fn tell(&mut self, line: &DurableLine, keys: &Keys) {
        let ready = self.settled.take_ready(line);
        if ready == 0 {
            return;
        }
        self.settled.complete(ready, keys);
        let mut verdicts = self.settled.verdicts.drain(..ready);
        let alone = if ready == 1 { verdicts.next() } else { None };
        let chunk = self.verdicts.write_chunk_uninit(verdicts.len());
        let chunk = chunk.expect("a session has no more in flight than its rings hold");
        chunk.fill_from_iter(verdicts);
        self.say(Told { commands: ready, alone, outcome: Ok(*line) });
    }

    fn halt(&mut self, reason: &HaltReason) {
        self.settled.runs.clear();
        self.settled.incomplete = 0;
        let mut waiting = self.settled.verdicts.drain(..).count();
        // Each is counted as it is taken: more may come meanwhile.
        while self.requests.pop().is_ok() {
            waiting += 1;
        }
        if waiting > 0 {
            self.say(Told { commands: waiting, alone: None, outcome: Err(reason.clone()) });
        }
    }

    fn has_work(&self) -> bool {
        !self.requests.is_empty()
    }

    fn is_finished(&self) -> bool {
        self.requests.is_abandoned() && self.requests.is_empty() && self.settled.verdicts.is_empty()
    }
}
