//! What must hold of the ledger, computed from the journal's events and from what was answered.

use std::collections::BTreeMap;
use std::time::Duration;

use hotledger::{Aggregate, Delivery, Engine, Position, RawRecorded, Recorded};

use super::model::{Account, AccountEvent, Balances, Tally};
use super::{Intent, Ledger, Sent};

/// No view shows anything but a fold of the first so many durable events.
pub(super) fn views(engine: &Engine, history: &[RawRecorded]) -> Result<(), String> {
    let view = engine.view::<Tally>();
    let shown = view.read();
    let position = shown.position();
    let Some(prefix) = history.get(..position.events() as usize) else {
        return Err(format!("a view is at {position}, of {} durable events", history.len()));
    };
    let expected = tally(prefix);
    if *shown != expected {
        return Err(format!("the view at {position} shows {:?} instead of {expected:?}", *shown));
    }
    Ok(())
}

fn tally(history: &[RawRecorded]) -> Tally {
    let mut tally = Tally::default();
    for event in history.iter().filter(|event| &*event.kind == Account::KIND) {
        tally.count(event.position.events() - 1, event.version.0);
    }
    tally
}

/// The table, time travel and a subscription from the middle agree with the events.
pub(super) fn balances(engine: &Engine, history: &[RawRecorded]) -> Result<(), String> {
    let shown = engine.view::<Tally>().read().position();
    if shown != Position::after(history.len() as u64) {
        return Err(format!("the view rests at {shown}, of {} durable events", history.len()));
    }
    let events = events(engine, Position::ORIGIN)?;
    let (whole, middle) = (fold(&events, u64::MAX)?, history.len() as u64 / 2);
    let mut rows = BTreeMap::new();
    engine.table::<Balances, Account>().for_each(|id, row| {
        rows.insert(*id, *row);
    });
    if rows != whole {
        return Err(format!("the table holds {rows:?} instead of {whole:?}"));
    }
    let late = self::events(engine, Position::after(middle))?;
    let expected = events.iter().filter(|event| event.position.events() > middle);
    if !late.iter().eq(expected) {
        return Err(format!("a subscription after {middle} events gets others than the first"));
    }
    let Some((id, (balance, version))) = fold(&events, middle)?.pop_last() else { return Ok(()) };
    let found = engine.as_of(Position::after(middle)).aggregate::<Account>(&id);
    let found = found.map_err(|error| error.to_string())?;
    if found.as_ref().map(|found| (found.state.balance, found.version.0))
        != Some((balance, version))
    {
        return Err(format!("account {id} was {balance}, {version} then, not {found:?}"));
    }
    Ok(())
}

/// Every account's events, from a catch-up subscription.
fn events(engine: &Engine, after: Position) -> Result<Vec<Recorded<Account>>, String> {
    let mut subscription = engine.subscribe::<Account>(after);
    let mut events = Vec::new();
    loop {
        match subscription.next_within(Duration::ZERO) {
            Ok(Some(Delivery::Event(event))) => events.push(event),
            Ok(Some(Delivery::CaughtUp(_))) => return Ok(events),
            Ok(None) => return Err("a subscription gives nothing and is not caught up".into()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Balance and version of every account after so many events of the journal.
fn fold(events: &[Recorded<Account>], until: u64) -> Result<BTreeMap<u64, (i64, u64)>, String> {
    let mut accounts = BTreeMap::new();
    for event in events.iter().take_while(|event| event.position.events() <= until) {
        let AccountEvent::Moved { tag, by, .. } = &event.event else {
            return Err(format!("{:?} was refused, yet it is in the journal", event.event));
        };
        let (balance, version) = accounts.entry(event.id).or_insert((0, 0));
        (*balance, *version) = (*balance + by, *version + 1);
        // Parts of a transfer come one by one: the account that pays comes last.
        if *balance < 0 || *version != event.version.0 {
            return Err(format!(
                "account {} is at {balance}, version {version}, after intent {tag} at {}",
                event.id, event.position
            ));
        }
    }
    Ok(accounts)
}

impl Ledger {
    /// What was answered is there, once and whole; what was refused is nowhere.
    pub(super) fn everything(&mut self, engine: &Engine) -> Result<(), String> {
        let mut found: BTreeMap<u64, Vec<(Position, u32, u32)>> = BTreeMap::new();
        for event in events(engine, Position::ORIGIN)? {
            let AccountEvent::Moved { tag, part, parts, .. } = event.event else { continue };
            found.entry(tag).or_default().push((event.position, part, parts));
        }
        for seen in std::mem::take(&mut self.rests_on) {
            if !found.contains_key(&seen) {
                return Err(format!("a refusal rested on intent {seen}, which is not there"));
            }
        }
        for (tag, parts) in &found {
            whole(*tag, parts)?;
            if !self.sent.contains_key(tag) {
                return Err(format!("intent {tag} was never sent"));
            }
        }
        self.sent.iter().try_for_each(|(tag, sent)| sent.agrees(*tag, found.get(tag)))
    }
}

/// All parts of one intent, side by side.
fn whole(tag: u64, parts: &[(Position, u32, u32)]) -> Result<(), String> {
    let (first, _, count) = parts[0];
    let in_order = parts.iter().enumerate().all(|(at, (position, part, _))| {
        position.events() == first.events() + at as u64 && *part as usize == at
    });
    if in_order && parts.len() == count as usize {
        return Ok(());
    }
    Err(format!("intent {tag} is in the journal as {parts:?}"))
}

impl Sent {
    fn agrees(&self, tag: u64, found: Option<&Vec<(Position, u32, u32)>>) -> Result<(), String> {
        let leaves_nothing = match &self.intent {
            Intent::Account(_, order) => !order.moves(),
            Intent::Transfer(_) => false,
        };
        match (&self.committed, found) {
            (Some(receipt), Some(parts)) => {
                let last = parts.last().map(|(position, ..)| *position);
                if last == Some(receipt.position) {
                    Ok(())
                } else {
                    Err(format!(
                        "intent {tag} was committed at {}, found at {last:?}",
                        receipt.position
                    ))
                }
            }
            (Some(_), None) if leaves_nothing => Ok(()),
            (Some(receipt), None) => {
                Err(format!("intent {tag} was committed at {} and is gone", receipt.position))
            }
            (None, Some(_)) if !self.unknown && self.open == 0 => {
                Err(format!("intent {tag} was refused, yet it is in the journal"))
            }
            (None, _) => Ok(()),
        }
    }
}
