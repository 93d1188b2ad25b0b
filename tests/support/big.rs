//! A view of many rows, and the commands that fill it.

use std::collections::BTreeMap;

use hotledger::{Engine, Position, Recorded, View};

use crate::support::{Account, Command};

/// How many events every account has had: as many rows as there are accounts.
#[derive(Default, Clone)]
pub(crate) struct Big {
    pub(crate) rows: BTreeMap<u64, u64>,
}

impl View<Account> for Big {
    fn project(&mut self, recorded: &Recorded<Account>) {
        *self.rows.entry(recorded.id).or_default() += 1;
    }
}

/// One deposit to each of so many accounts; the position of the last.
pub(crate) fn preload(engine: &Engine, accounts: u64) -> Position {
    let mut session = engine.session::<Account>(4_096);
    for id in 0..accounts {
        while session.submit(id, Command::Deposit(1)).is_err() {
            session.reap_wait().expect("some are under way").expect("a deposit is taken");
        }
    }
    while let Some(answer) = session.reap_wait() {
        answer.expect("a deposit is taken");
    }
    engine.position()
}
