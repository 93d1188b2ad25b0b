//! A stream of commands whose every answer and every event is known beforehand.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fmt::Write;

use serde_json::Value;
use uuid::Uuid;

/// Accounts the commands are spread over; the first command of each puts money in.
pub(crate) const ACCOUNTS: u64 = 20;

/// More than any account ever holds, and a version that none ever has.
const TOO_MUCH: u64 = 1 << 40;

/// What one command asks for, by its number.
const TURNS: u64 = 8;

/// The commands, and the events they leave when every one of them is applied in order.
///
/// Because a process that is killed has applied a prefix, and what it did not answer is sent again
/// in the same order, the journal is at all times a prefix of these events.
pub(crate) struct Script {
    commands: Vec<Scripted>,
    events: Vec<Expected>,
}

/// One command.
struct Scripted {
    line: String,
    effect: Effect,
    /// Events in the journal once it is applied.
    events_after: u64,
}

/// What a command comes to.
#[derive(Clone, Copy)]
enum Effect {
    /// Events, the last at this position.
    Events(u64),
    /// Nothing: its key took effect before, with this as the last position.
    Again(u64),
    /// Nothing: the domain says no.
    Refused,
    /// Nothing: the account is not at the expected version.
    Conflict,
}

/// One event as the journal must hold it.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) key: Uuid,
    pub(crate) account: Uuid,
    pub(crate) version: u64,
    pub(crate) what: &'static str,
    pub(crate) amount: u64,
    /// Whether its command has no further event.
    is_last: bool,
}

impl Script {
    /// This many commands: deposits, withdrawals and transfers with keys, some with the version
    /// they expect, some that repeat a key, and some that come to nothing.
    pub(crate) fn of(commands: u64) -> Self {
        let mut script = Self { commands: Vec::new(), events: Vec::new() };
        let mut versions = [0; ACCOUNTS as usize];
        (0..commands).for_each(|number| script.add(number, &mut versions));
        script
    }

    fn add(&mut self, number: u64, versions: &mut [u64]) {
        // Moved on after every round, so that each account sees all the turns.
        let account = (number * 7 + number / TURNS) % ACCOUNTS;
        let account = if number < ACCOUNTS { number } else { account };
        let turn = if number < ACCOUNTS { TURNS } else { number % TURNS };
        if turn == 5 {
            // A key of just before, or of half way back: of a command that a snapshot covers.
            let is_near = (number / TURNS).is_multiple_of(2);
            let back = if is_near { 6 } else { 6 + number / 16 * TURNS };
            let earlier = &self.commands[(number - back) as usize];
            let Effect::Events(last) = earlier.effect else { panic!("{back} back is a deposit") };
            return self.push(earlier.line.clone(), Effect::Again(last));
        }
        let before = versions[account as usize];
        let mut changes = |what, account: u64, amount, is_last| {
            let version = &mut versions[account as usize];
            *version += 1;
            let (key, account) = (Uuid::from_u128(number.into()), Uuid::from_u128(account.into()));
            Expected { key, account, version: *version, what, amount, is_last }
        };
        let (mut line, events) = match turn {
            0 => {
                let to = (account + 1) % ACCOUNTS;
                let line = format!(
                    r#"{{"transact":{{"Transfer":{{"from":{account},"to":{to},"amount":1}}}}"#
                );
                let out = changes("Withdrawn", account, 1, false);
                (line, vec![out, changes("Deposited", to, 1, true)])
            }
            2 => (to(account, "Withdraw", 2), vec![changes("Withdrawn", account, 2, true)]),
            3 => (to(account, "Withdraw", TOO_MUCH), Vec::new()),
            4 => (to(account, "Deposit", 1), Vec::new()),
            TURNS => {
                (to(account, "Deposit", 5_000), vec![changes("Deposited", account, 5_000, true)])
            }
            _ => (to(account, "Deposit", 9), vec![changes("Deposited", account, 9, true)]),
        };
        match turn {
            1 => write!(line, r#","expect":{before}"#).expect("text grows"),
            4 => write!(line, r#","expect":{TOO_MUCH}"#).expect("text grows"),
            _ => {}
        }
        write!(line, r#","key":"{}"}}"#, Uuid::from_u128(number.into())).expect("text grows");
        self.events.extend(events);
        let effect = match turn {
            3 => Effect::Refused,
            4 => Effect::Conflict,
            _ => Effect::Events(self.events.len() as u64 - 1),
        };
        self.push(line, effect);
    }

    fn push(&mut self, line: String, effect: Effect) {
        self.commands.push(Scripted { line, effect, events_after: self.events.len() as u64 });
    }

    /// How many commands there are.
    pub(crate) fn len(&self) -> usize {
        self.commands.len()
    }

    /// The line of a command.
    pub(crate) fn line(&self, number: usize) -> &str {
        &self.commands[number].line
    }

    /// The first events.
    pub(crate) fn events(&self, count: u64) -> &[Expected] {
        &self.events[..usize::try_from(count).expect("it was written down")]
    }

    /// Events in the journal once the first commands are applied.
    pub(crate) fn events_of(&self, commands: usize) -> u64 {
        commands.checked_sub(1).map_or(0, |last| self.commands[last].events_after)
    }

    /// The first command that this many events do not account for.
    pub(crate) fn first_beyond(&self, events: u64) -> usize {
        self.commands.partition_point(|command| command.events_after <= events)
    }

    /// Whether this many events are whole commands.
    pub(crate) fn is_whole(&self, events: u64) -> bool {
        self.events(events).last().is_none_or(|last| last.is_last)
    }

    /// Version and balance of an account behind the first events.
    pub(crate) fn account(&self, account: u64, events: u64) -> (u64, u64) {
        let account = Uuid::from_u128(account.into());
        let its = self.events(events).iter().filter(|event| event.account == account);
        its.fold((0, 0), |(_, balance), event| match event.what {
            "Withdrawn" => (event.version, balance - event.amount),
            _ => (event.version, balance + event.amount),
        })
    }

    /// Checks an answer of a process that found this many events in the journal, and gives the
    /// position it promises.
    pub(crate) fn check(&self, number: usize, held: u64, answer: &Value) -> Option<u64> {
        let (outcome, position) = match self.commands[number].effect {
            Effect::Events(last) if last < held => ("duplicate", Some(last)),
            Effect::Events(last) => ("committed", Some(last)),
            Effect::Again(last) => ("duplicate", Some(last)),
            Effect::Refused => ("refused", None),
            Effect::Conflict => ("conflict", None),
        };
        assert_eq!(answer["outcome"], outcome, "command {number}, {held} events held: {answer}");
        assert_eq!(answer["position"].as_u64(), position, "command {number} has moved: {answer}");
        position
    }
}

/// The beginning of a line to one account.
fn to(account: u64, command: &str, amount: u64) -> String {
    format!(r#"{{"kind":"account","id":{account},"command":{{"{command}":{{"amount":{amount}}}}}"#)
}
