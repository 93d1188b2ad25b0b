//! The ways into a running engine, with what each command that is under way must be answered.

use std::collections::VecDeque;

use hotledger::{Aggregate, Engine, ExecuteError, Pending, Receipt, Request, Session};
use hotledger::{TransactReceipt, Version};
use hotledger_domains::bank::{self, Account, TransferRefusal};
use hotledger_domains::exchange::{self, Book, Symbol};

use super::naive::{Answer, Ask, Intent, Refused, transfer};
use super::plan::Path;

/// A command that was sent, and what the model says to it.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) ask: Ask,
    pub(crate) answer: Answer,
}

/// What the engine says to it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) due: Due,
    pub(crate) answer: Answer,
    pub(crate) receipt: Option<Receipt>,
}

/// An engine with a session for each kind.
pub(crate) struct Wire {
    accounts: Lane<Account>,
    books: Lane<Book>,
    one_shots: VecDeque<(OneShot, Due)>,
    pub(crate) engine: Engine,
}

struct Lane<A: Aggregate> {
    session: Session<A>,
    due: VecDeque<Due>,
    refused: fn(A::Refusal) -> Refused,
}

/// The id of the book that the model calls so.
pub(crate) fn symbol(book: &str) -> Symbol {
    book.parse().expect("the plan names books by symbols")
}

enum OneShot {
    Bank(Pending<Receipt, bank::Refusal>),
    Book(Pending<Receipt, exchange::Refusal>),
    Transfer(Pending<TransactReceipt, TransferRefusal>),
}

impl Wire {
    pub(crate) fn new(engine: Engine, in_flight_max: usize) -> Self {
        Self {
            accounts: Lane::new(engine.session(in_flight_max), Refused::Bank),
            books: Lane::new(engine.session(in_flight_max), Refused::Book),
            one_shots: VecDeque::new(),
            engine,
        }
    }

    /// Sends a command; answers that are in its way are taken first.
    pub(crate) fn send(&mut self, path: Path, due: Due, told: &mut Vec<Told>) {
        match (path, due.ask.intent.clone()) {
            (Path::Sessions, Intent::Bank(id, command)) => {
                self.books.drain(told);
                self.drain_one_shots(told);
                self.accounts.send(id.into(), command, due, told);
            }
            (Path::AccountsBesideBooks, Intent::Bank(id, command)) => {
                self.accounts.send(id.into(), command, due, told);
            }
            (Path::Sessions, Intent::Book(id, command)) => {
                self.accounts.drain(told);
                self.drain_one_shots(told);
                self.books.send(symbol(id), command, due, told);
            }
            (Path::AccountsBesideBooks, _) => self.post(due),
            (Path::OneShots | Path::Sessions, _) => {
                self.accounts.drain(told);
                self.books.drain(told);
                self.post(due);
            }
        }
    }

    /// Waits for every answer.
    pub(crate) fn drain(&mut self, told: &mut Vec<Told>) {
        self.accounts.drain(told);
        self.books.drain(told);
        self.drain_one_shots(told);
    }

    pub(crate) fn close(self) {
        drop((self.accounts, self.books));
        self.engine.close().expect("an engine that runs can be closed");
    }

    fn post(&mut self, due: Due) {
        let Ask { intent, key, expected } = due.ask.clone();
        let expected = expected.map(Version);
        let one_shot = match intent {
            Intent::Bank(id, command) => {
                let execute = self.engine.aggregate::<Account>(id).execute(command);
                let execute = expected.into_iter().fold(execute, |it, at| it.expecting(at));
                OneShot::Bank(key.into_iter().fold(execute, |it, key| it.key(key)).submit())
            }
            Intent::Book(id, command) => {
                let execute = self.engine.aggregate::<Book>(symbol(id)).execute(command);
                let execute = expected.into_iter().fold(execute, |it, at| it.expecting(at));
                OneShot::Book(key.into_iter().fold(execute, |it, key| it.key(key)).submit())
            }
            Intent::Transfer { from, to, amount } => {
                let transact = self.engine.transact(transfer(from, to, amount));
                OneShot::Transfer(key.into_iter().fold(transact, |it, key| it.key(key)).submit())
            }
        };
        self.one_shots.push_back((one_shot, due));
    }

    fn drain_one_shots(&mut self, told: &mut Vec<Told>) {
        for (one_shot, due) in self.one_shots.drain(..) {
            told.push(match one_shot {
                OneShot::Bank(pending) => due.told(pending.wait(), Refused::Bank),
                OneShot::Book(pending) => due.told(pending.wait(), Refused::Book),
                OneShot::Transfer(pending) => {
                    due.told(pending.wait().map(|whole| whole.receipt), Refused::Transfer)
                }
            });
        }
    }
}

impl<A: Aggregate> Lane<A> {
    fn new(session: Session<A>, refused: fn(A::Refusal) -> Refused) -> Self {
        Self { session, due: VecDeque::new(), refused }
    }

    fn send(&mut self, id: A::Id, command: A::Command, due: Due, told: &mut Vec<Told>) {
        let key = due.ask.key.map(Into::into);
        let expected = due.ask.expected.map(Version);
        let mut request = Request { key, expected, ..Request::new(id, command) };
        while let Err(full) = self.session.request(request) {
            request = full.0;
            self.reap(told);
        }
        self.due.push_back(due);
    }

    fn drain(&mut self, told: &mut Vec<Told>) {
        while !self.due.is_empty() {
            self.reap(told);
        }
    }

    fn reap(&mut self, told: &mut Vec<Told>) {
        let answer = self.session.reap_wait().expect("a command is under way");
        let due = self.due.pop_front().expect("a command is under way");
        told.push(due.told(answer, self.refused));
    }
}

impl Due {
    fn told<R: std::fmt::Debug>(
        self,
        answer: Result<Receipt, ExecuteError<R>>,
        refused: fn(R) -> Refused,
    ) -> Told {
        let receipt = answer.as_ref().ok().copied();
        let answer = match answer {
            Ok(Receipt { version, events, duplicate, .. }) => {
                Answer::Done { version: version.0, events, duplicate }
            }
            Err(ExecuteError::Refused(refusal)) => Answer::Refused(refused(refusal)),
            Err(ExecuteError::KeyReused) => Answer::KeyReused,
            Err(ExecuteError::Conflict { expected, actual }) => {
                Answer::Conflict { expected: expected.0, actual: actual.0 }
            }
            Err(other) => Answer::Unheard(format!("{other:?}")),
        };
        Told { due: self, answer, receipt }
    }
}
