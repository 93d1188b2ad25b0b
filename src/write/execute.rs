//! One command, one answer: `execute`, and the `Pending` that can be waited on or awaited.

use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use oneshot::{Receiver, Sender, TryRecvError};
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::durable::DurableLine;
use crate::error::{ExecuteError, HaltReason};
use crate::identity::CommandKey;
use crate::keys::Keys;
use crate::position::Version;
use crate::receipt::{Receipt, Verdict};
use crate::wait::{Patience, Wait};
use crate::write::desk::{Desk, Parcel, Request, Taken, Trace};
use crate::write::mailbox::{Errand, Mailbox, NotTaken};

pub(crate) type Answer<R> = Result<Receipt, ExecuteError<R>>;

/// A command that has not been sent yet. Add conditions, then `wait`, `submit` or `await` it.
#[must_use = "nothing is sent before `wait`, `submit` or `.await`"]
pub struct Execute<'a, A: Aggregate> {
    mailbox: &'a Mailbox,
    wait: Wait,
    kind: usize,
    request: Request<A>,
    trace: Trace,
}

impl<'a, A: Aggregate> Execute<'a, A> {
    pub(crate) fn new(
        mailbox: &'a Mailbox,
        wait: Wait,
        kind: usize,
        id: A::Id,
        command: A::Command,
    ) -> Self {
        let request = Request::new(id, command);
        Self { mailbox, wait, kind, request, trace: Trace::default() }
    }

    /// Only if the aggregate is at this version, else `Conflict` (optimistic concurrency).
    pub fn expecting(mut self, version: Version) -> Self {
        self.request.expected = Some(version);
        self
    }

    /// Only once for this key: again within the key window it answers with the first receipt.
    pub fn key(mut self, key: impl Into<CommandKey>) -> Self {
        self.request.key = Some(key.into());
        self
    }

    /// Ties the command to the outside request that set it off.
    pub fn correlation(mut self, id: Uuid) -> Self {
        self.trace.correlation = Some(id);
        self
    }

    /// Names the event or message that caused the command.
    pub fn causation(mut self, id: Uuid) -> Self {
        self.trace.causation = Some(id);
        self
    }

    /// Sends the command; the answer is picked up later, or never.
    pub fn submit(self) -> Pending<Receipt, A::Refusal> {
        let (reply, receiver) = oneshot::channel();
        let Self { mailbox, wait, kind, request, trace } = self;
        let errand = OneShot::<A> {
            kind,
            taken: Taken::up(Parcel::of(request), trace),
            verdict: None,
            reply,
        };
        Pending::new(receiver, wait, mailbox.enqueue(Box::new(errand)))
    }

    /// Sends the command and waits until it is durable.
    ///
    /// # Errors
    /// See [`ExecuteError`]. All but `Halted` mean that the command had no effect.
    pub fn wait(self) -> Result<Receipt, ExecuteError<A::Refusal>> {
        self.submit().wait()
    }
}

impl<A: Aggregate> IntoFuture for Execute<'_, A> {
    type Output = Result<Receipt, ExecuteError<A::Refusal>>;
    type IntoFuture = Pending<Receipt, A::Refusal>;

    fn into_future(self) -> Self::IntoFuture {
        self.submit()
    }
}

/// A command that has been sent: wait for it, or await it under any runtime.
///
/// Dropping it does not take the command back.
#[must_use = "the answer says whether the command was committed"]
pub struct Pending<T, R> {
    state: Waiting<T, R>,
    wait: Wait,
}

enum Waiting<T, R> {
    Answered(Option<ExecuteError<R>>),
    Sent(Receiver<Result<T, ExecuteError<R>>>),
    Polled(oneshot::AsyncReceiver<Result<T, ExecuteError<R>>>),
}

impl<T, R> Pending<T, R> {
    pub(crate) fn new(
        receiver: Receiver<Result<T, ExecuteError<R>>>,
        wait: Wait,
        sent: Result<(), NotTaken>,
    ) -> Self {
        let state = match sent {
            Ok(()) => Waiting::Sent(receiver),
            Err(NotTaken::Full) => Waiting::Answered(Some(ExecuteError::Overloaded)),
            Err(NotTaken::Halted(why)) => Waiting::Answered(Some(ExecuteError::Halted(why))),
        };
        Self { state, wait }
    }

    /// Waits until the answer is there, as [`Wait`] says.
    ///
    /// # Errors
    /// See [`ExecuteError`].
    ///
    /// # Panics
    /// When it has been polled: await it instead.
    pub fn wait(self) -> Result<T, ExecuteError<R>> {
        self.wait_until(|receiver| receiver.recv().map_err(|_| gone()))
    }

    /// Waits no longer than this.
    ///
    /// # Errors
    /// `TimedOut` when the answer did not come; the command may still commit.
    ///
    /// # Panics
    /// When it has been polled: await it instead.
    pub fn wait_for(self, timeout: Duration) -> Result<T, ExecuteError<R>> {
        self.wait_until(|receiver| {
            receiver.recv_timeout(timeout).map_err(|error| match error {
                oneshot::RecvTimeoutError::Timeout => ExecuteError::TimedOut,
                oneshot::RecvTimeoutError::Disconnected => gone(),
            })
        })
    }

    /// Whether `wait` would answer at once; not to be asked of one that has been polled.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match &self.state {
            Waiting::Answered(_) => true,
            Waiting::Sent(receiver) => receiver.has_message() || receiver.is_closed(),
            Waiting::Polled(_) => false,
        }
    }

    fn wait_until(
        self,
        park: impl FnOnce(
            Receiver<Result<T, ExecuteError<R>>>,
        ) -> Result<Result<T, ExecuteError<R>>, ExecuteError<R>>,
    ) -> Result<T, ExecuteError<R>> {
        let receiver = match self.state {
            Waiting::Sent(receiver) => receiver,
            Waiting::Answered(error) => return Err(error.unwrap_or_else(gone)),
            Waiting::Polled(_) => panic!("wait on a Pending that was polled; await it instead"),
        };
        let mut patience = Patience::new(self.wait);
        loop {
            match receiver.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Disconnected) => return Err(gone()),
                Err(TryRecvError::Empty) if patience.pause() => {}
                Err(TryRecvError::Empty) => return park(receiver)?,
            }
        }
    }
}

// Nothing in it is ever pinned: the answer travels through the channel by value.
impl<T, R> Unpin for Pending<T, R> {}

impl<T, R> Future for Pending<T, R> {
    type Output = Result<T, ExecuteError<R>>;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                Waiting::Answered(error) => {
                    return Poll::Ready(Err(error.take().unwrap_or_else(gone)));
                }
                Waiting::Polled(receiver) => {
                    let answer = std::task::ready!(Pin::new(receiver).poll(task));
                    return Poll::Ready(answer.unwrap_or_else(|_| Err(gone())));
                }
                Waiting::Sent(_) => {
                    let sent = std::mem::replace(&mut this.state, Waiting::Answered(None));
                    let Waiting::Sent(receiver) = sent else { unreachable!("just matched") };
                    this.state = Waiting::Polled(receiver.into_future());
                }
            }
        }
    }
}

fn gone<R>() -> ExecuteError<R> {
    ExecuteError::Halted(HaltReason::gone())
}

/// A one-shot command inside the writer.
struct OneShot<A: Aggregate> {
    kind: usize,
    taken: Taken<A>,
    verdict: Option<Verdict<A::Refusal>>,
    reply: Sender<Answer<A::Refusal>>,
}

impl<A: Aggregate> Errand for OneShot<A> {
    fn settle(&mut self, desk: &mut Desk<'_>) {
        let settled = catch_unwind(AssertUnwindSafe(|| {
            let settled = desk.settle(self.kind, &mut self.taken);
            settled.err().unwrap_or_else(|| desk.commit.verdict())
        }));
        self.verdict = Some(settled.unwrap_or_else(|panic| desk.panicked(panic.as_ref())));
    }

    fn tell(self: Box<Self>, line: &DurableLine, keys: &Keys) {
        let mut verdict = self.verdict.expect("a command is settled before it is told");
        verdict.complete(keys);
        // A caller that no longer waits has said so by dropping its Pending.
        let _ = self.reply.send(verdict.tell(line));
    }

    fn halt(self: Box<Self>, reason: &HaltReason) {
        let _ = self.reply.send(Err(ExecuteError::Halted(reason.clone())));
    }
}
