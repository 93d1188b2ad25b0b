//! The pipelined caller: submit many commands, reap the answers in order.

use std::collections::VecDeque;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::aggregate::Aggregate;
use crate::durable::DurableLine;
use crate::error::{ExecuteError, HaltReason};
use crate::keys::Keys;
use crate::limits::SESSION_IN_FLIGHT_MAX;
use crate::receipt::Verdict;
use crate::wait::{Patience, Wait};
use crate::write::desk::{Desk, Request, Trace};
use crate::write::doorbell::{Bell, Sleeper, doorbell};
use crate::write::execute::Answer;
use crate::write::mailbox::{Lane, Mailbox, Message};

/// The session has as many commands under way as it may; reap an answer first.
#[derive(Debug)]
pub struct Full<T>(
    /// What was not submitted.
    pub T,
);

/// Commands whose aggregates are fetched into the cache together: more than the processor has
/// lookups under way at once, and few enough to be in its nearest cache still when they are used.
const GROUP: usize = 32;

/// How long a parked session sleeps before it looks whether the writer is still there.
const SESSION_LOOK: Duration = Duration::from_millis(50);

/// A pipelined connection to the writer for one kind of aggregate.
///
/// Commands and answers travel through two preallocated one-to-one rings: nothing is allocated,
/// locked or woken per command. One thread owns a session; open one per thread.
pub struct Session<A: Aggregate> {
    requests: Producer<Request<A>>,
    answers: Consumer<Answer<A::Refusal>>,
    in_flight: usize,
    in_flight_max: usize,
    sleeper: Sleeper,
    /// Behind the rings: it rings when they are dropped.
    writer: Farewell,
    wait: Wait,
    mailbox: Mailbox,
}

impl<A: Aggregate> Session<A> {
    pub(crate) fn open(mailbox: &Mailbox, wait: Wait, kind: usize, in_flight_max: usize) -> Self {
        assert!(
            (1..=SESSION_IN_FLIGHT_MAX).contains(&in_flight_max),
            "a session has 1 to {SESSION_IN_FLIGHT_MAX} commands in flight; pass such a number"
        );
        let (requests, taken) = RingBuffer::new(in_flight_max);
        let (told, answers) = RingBuffer::new(in_flight_max);
        let (sleeper, bell) = doorbell();
        let settled = Settled::with_room_for(in_flight_max);
        let lane = RingLane::<A> { kind, requests: taken, answers: told, settled, bell };
        mailbox.deliver(Message::Lane(Box::new(lane)));
        let writer = Farewell(mailbox.bell().clone());
        let mailbox = mailbox.clone();
        Self { requests, answers, in_flight: 0, in_flight_max, sleeper, writer, wait, mailbox }
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
        match self.requests.push(request) {
            Ok(()) => {
                self.in_flight += 1;
                self.writer.0.ring();
                Ok(())
            }
            Err(rtrb::PushError::Full(request)) => Err(Full(request)),
        }
    }

    /// The next answer, in the order the commands were submitted; `None` if it is not there yet.
    pub fn reap(&mut self) -> Option<Result<crate::Receipt, ExecuteError<A::Refusal>>> {
        let answer = match self.answers.pop() {
            Ok(answer) => answer,
            Err(_) if self.in_flight > 0 && self.is_abandoned() => {
                Err(ExecuteError::Halted(self.mailbox.halt_reason()))
            }
            Err(_) => return None,
        };
        self.in_flight -= 1;
        Some(answer)
    }

    /// Waits for the next answer; `None` when nothing is in flight.
    pub fn reap_wait(&mut self) -> Option<Result<crate::Receipt, ExecuteError<A::Refusal>>> {
        if self.in_flight == 0 {
            return None;
        }
        let mut patience = Patience::new(self.wait);
        loop {
            if let Some(answer) = self.reap() {
                return Some(answer);
            }
            if !patience.pause() {
                let answers = &self.answers;
                let ready = || !answers.is_empty() || answers.is_abandoned();
                self.sleeper.sleep_unless(ready, Some(SESSION_LOOK));
            }
        }
    }

    /// Whether the writer is gone and has left no more answers.
    fn is_abandoned(&self) -> bool {
        self.answers.is_abandoned() && self.answers.is_empty()
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
    requests: Consumer<Request<A>>,
    answers: Producer<Answer<A::Refusal>>,
    settled: Settled<A::Refusal>,
    bell: Bell,
}

/// Verdicts that are not told yet, in order.
struct Settled<R> {
    verdicts: VecDeque<Verdict<R>>,
    /// How many of them in a row rest on which batch.
    runs: VecDeque<(u64, usize)>,
}

impl<R> Settled<R> {
    fn with_room_for(verdicts: usize) -> Self {
        Self { verdicts: VecDeque::with_capacity(verdicts), runs: VecDeque::new() }
    }

    fn push(&mut self, rests_on: u64, verdict: Verdict<R>) {
        self.verdicts.push_back(verdict);
        match self.runs.back_mut() {
            Some((sequence, count)) if *sequence == rests_on => *count += 1,
            last => {
                assert!(last.is_none_or(|last| last.0 < rests_on), "a verdict rests on no less");
                self.runs.push_back((rests_on, 1));
            }
        }
    }

    /// Takes out how many may be told now.
    fn take_ready(&mut self, line: &DurableLine) -> usize {
        let told = self.runs.partition_point(|(rests_on, _)| line.covers(*rests_on));
        self.runs.drain(..told).map(|(_, count)| count).sum()
    }
}

impl<A: Aggregate> Lane for RingLane<A> {
    fn settle(&mut self, desk: &mut Desk<'_>, budget: usize) -> usize {
        let ready = self.requests.slots().min(budget);
        let mut settled = 0;
        while settled < ready && desk.is_open() {
            let Ok(chunk) = self.requests.read_chunk(GROUP.min(ready - settled)) else { break };
            let (first, second) = chunk.as_slices();
            desk.foresee(self.kind, first.iter().chain(second));
            // The iterator gives back what it did not hand out.
            let mut requests = chunk.into_iter();
            while desk.is_open() {
                let Some(request) = requests.next() else { break };
                let verdict = desk.settle(self.kind, request, Trace::default());
                self.settled.push(desk.rests_on(), verdict);
                settled += 1;
            }
        }
        settled
    }

    fn tell(&mut self, line: &DurableLine, keys: &Keys) {
        let ready = self.settled.take_ready(line);
        if ready == 0 {
            return;
        }
        let chunk = self.answers.write_chunk_uninit(ready);
        let chunk = chunk.expect("a session has no more in flight than its ring of answers holds");
        let told = self.settled.verdicts.drain(..ready).map(|verdict| verdict.tell(line, keys));
        chunk.fill_from_iter(told);
        self.bell.ring();
    }

    fn halt(&mut self, reason: &HaltReason) {
        self.settled.runs.clear();
        let mut waiting = self.settled.verdicts.drain(..).count();
        // Each is counted as it is taken: more may come meanwhile.
        while self.requests.pop().is_ok() {
            waiting += 1;
        }
        for _ in 0..waiting {
            // A session that is gone does not mind.
            let _ = self.answers.push(Err(ExecuteError::Halted(reason.clone())));
        }
        self.bell.ring();
    }

    fn has_work(&self) -> bool {
        !self.requests.is_empty()
    }

    fn is_finished(&self) -> bool {
        self.requests.is_abandoned() && self.requests.is_empty() && self.settled.verdicts.is_empty()
    }
}
