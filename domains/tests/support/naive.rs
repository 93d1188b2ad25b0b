//! The whole engine in a Vec and two HashMaps: what every command must be answered.

use std::collections::HashMap;
use std::hash::Hash;

use hotledger_domains::bank::{self, Transfer, TransferRefusal};
use hotledger_domains::exchange;

use super::naive_bank::Purse;
use super::naive_book::Sheet;

/// Something that is asked of the engine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Intent {
    Bank(u64, bank::Command),
    Book(&'static str, exchange::Command),
    Transfer { from: u64, to: u64, amount: u64 },
}

/// It, with its conditions.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) intent: Intent,
    pub(crate) key: Option<u128>,
    pub(crate) expected: Option<u64>,
}

/// What comes back, all but where in the journal it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Done {
        version: u64,
        events: u32,
        duplicate: bool,
    },
    Refused(Refused),
    Conflict {
        expected: u64,
        actual: u64,
    },
    KeyReused,
    /// What the engine says and the model never does.
    Unheard(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refused {
    Bank(bank::Refusal),
    Book(exchange::Refusal),
    Transfer(TransferRefusal),
}

/// A state with how many events it has seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Versioned<T> {
    pub(crate) state: T,
    pub(crate) version: u64,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) accounts: HashMap<u64, Versioned<Purse>>,
    pub(crate) books: HashMap<&'static str, Versioned<Sheet>>,
    /// Oldest first, never more than `keys_max`.
    keys: Vec<(u128, Intent, Answer)>,
    keys_max: usize,
}

impl Model {
    pub(crate) fn new(keys_max: usize) -> Self {
        let (accounts, books, keys) = (HashMap::new(), HashMap::new(), Vec::new());
        Self { accounts, books, keys, keys_max }
    }

    /// The version of what the intent is about; of the source where there are two.
    pub(crate) fn version(&self, intent: &Intent) -> u64 {
        match intent {
            Intent::Bank(id, _) | Intent::Transfer { from: id, .. } => {
                self.accounts.get(id).map_or(0, |account| account.version)
            }
            Intent::Book(id, _) => self.books.get(id).map_or(0, |book| book.version),
        }
    }

    pub(crate) fn execute(&mut self, ask: &Ask) -> Answer {
        if let Some((_, intent, answer)) = self.keys.iter().find(|known| Some(known.0) == ask.key) {
            return match answer {
                Answer::Done { version, events, .. } if *intent == ask.intent => {
                    Answer::Done { version: *version, events: *events, duplicate: true }
                }
                _ => Answer::KeyReused,
            };
        }
        let actual = self.version(&ask.intent);
        if let Some(expected) = ask.expected.filter(|expected| *expected != actual) {
            return Answer::Conflict { expected, actual };
        }
        match self.carry_out(&ask.intent) {
            Err(refused) => Answer::Refused(refused),
            Ok((version, events)) => {
                let answer = Answer::Done { version, events, duplicate: false };
                self.remember(ask, &answer);
                answer
            }
        }
    }

    fn remember(&mut self, ask: &Ask, answer: &Answer) {
        self.keys.extend(ask.key.map(|key| (key, ask.intent.clone(), answer.clone())));
        let forgotten = self.keys.len().saturating_sub(self.keys_max);
        self.keys.drain(..forgotten);
    }

    fn carry_out(&mut self, intent: &Intent) -> Result<(u64, u32), Refused> {
        match intent {
            Intent::Bank(id, command) => {
                change(&mut self.accounts, id, |account| account.execute(command))
                    .map_err(Refused::Bank)
            }
            Intent::Book(id, command) => {
                change(&mut self.books, id, |book| book.execute(command)).map_err(Refused::Book)
            }
            Intent::Transfer { from, to, amount } => {
                self.transfer(*from, *to, *amount).map_err(Refused::Transfer)
            }
        }
    }

    fn transfer(&mut self, from: u64, to: u64, amount: u64) -> Result<(u64, u32), TransferRefusal> {
        if from == to {
            return Err(TransferRefusal::SameAccount { account: from.into() });
        }
        let before = self.accounts.clone();
        let withdraw = bank::Command::Withdraw { amount };
        change(&mut self.accounts, &from, |account| account.execute(&withdraw))
            .map_err(TransferRefusal::Source)?;
        let deposit = bank::Command::Deposit { amount };
        match change(&mut self.accounts, &to, |account| account.execute(&deposit)) {
            Ok((version, events)) => Ok((version, events + 1)),
            Err(refusal) => {
                self.accounts = before;
                Err(TransferRefusal::Destination(refusal))
            }
        }
    }
}

/// Changes one of many, or nothing: its version afterwards and how many events that was.
fn change<K: Copy + Eq + Hash, T: Clone + Default, R>(
    all: &mut HashMap<K, Versioned<T>>,
    id: &K,
    execute: impl FnOnce(&mut T) -> Result<u32, R>,
) -> Result<(u64, u32), R> {
    let mut changed = all.get(id).cloned().unwrap_or_default();
    let events = execute(&mut changed.state)?;
    changed.version += u64::from(events);
    let version = changed.version;
    all.insert(*id, changed);
    Ok((version, events))
}

/// The domain's transaction for an intent's fields.
pub(crate) fn transfer(from: u64, to: u64, amount: u64) -> Transfer {
    Transfer { from: from.into(), to: to.into(), amount }
}
