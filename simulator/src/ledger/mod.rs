//! The seeds' own application: sends every sort of command and remembers what it was told.

mod check;
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hotledger::{
    Builder, CommandKey, Engine, ExecuteError, Position, RawRecorded, Receipt, Request, Session,
    Version,
};

use self::model::{Account, Balances, Insufficient, Note, Order, Tally, Transfer, What};
use crate::dice::Dice;
use crate::subject::{Outbox, Outcome, Subject};

/// Accounts there are: few, so that commands meet.
const ACCOUNTS: u64 = 6;

/// Commands a session has under way at most.
const SESSION_IN_FLIGHT: usize = 8;

/// Accounts and notes, driven through keys, expected versions, transactions, sessions, refusals
/// and panics.
pub struct Ledger {
    /// How many of a thousand commands carry some hundred kilobytes, so that segments roll.
    big_per_mille: u64,
    /// Everything sent so far, by the tag it was sent under.
    sent: BTreeMap<u64, Sent>,
    /// Which intent each tag in the outbox stands for: an intent is sent again under its key.
    intents: Vec<u64>,
    session: Option<Rc<RefCell<Session<Account>>>>,
    /// Refusals told and not looked at yet, by tag.
    refusals: Rc<RefCell<BTreeMap<u64, Insufficient>>>,
    /// Refusals that rest on this intent having been carried out.
    rests_on: Vec<u64>,
}

/// One intent, and what is known of it.
#[derive(Clone, Debug)]
struct Sent {
    intent: Intent,
    keyed: bool,
    /// How many answers are still to come.
    open: u32,
    /// It may have been carried out without anybody having been told.
    unknown: bool,
    committed: Option<Receipt>,
}

#[derive(Clone, Debug)]
enum Intent {
    Account(u64, Order),
    Transfer(Transfer),
}

impl Ledger {
    /// An application that has not sent anything yet.
    #[must_use]
    pub fn new(big_per_mille: u64) -> Self {
        Self {
            big_per_mille,
            sent: BTreeMap::new(),
            intents: Vec::new(),
            session: None,
            refusals: Rc::default(),
            rests_on: Vec::new(),
        }
    }

    fn think_of(&self, dice: &mut Dice) -> Intent {
        // Tags count from 1: an account that has seen nothing says 0.
        let tag = self.sent.len() as u64 + 1;
        let id = dice.below(ACCOUNTS);
        if dice.chance(150) {
            let to = (id + 1 + dice.below(ACCOUNTS - 1)) % ACCOUNTS;
            let amount = 1 + dice.below(60) as i64;
            return Intent::Transfer(Transfer { tag, from: id, to, amount });
        }
        let what = match dice.below(100) {
            0..4 => What::Touch,
            4..6 => What::PanicInDecide,
            6..8 => What::PanicInEvolve,
            8..40 => What::Move { by: -1 - dice.below(40) as i64, events: 1, pad: 0 },
            _ => {
                let big = dice.chance(self.big_per_mille);
                let pad = if big { 60_000 + dice.below(60_000) } else { dice.below(200) } as u32;
                let events = if big { 1 } else { 1 + dice.below(3) as u32 };
                What::Move { by: 1 + dice.below(50) as i64, events, pad }
            }
        };
        let parts = match &what {
            What::Move { events, .. } => *events,
            _ => 1,
        };
        Intent::Account(id, Order { tag, what, part: 0, parts })
    }

    /// An intent that was sent lately under a key, to be sent again.
    fn think_again(&self, dice: &mut Dice) -> Option<u64> {
        let tag = (self.sent.len() as u64).checked_sub(dice.below(8))?;
        self.sent.get(&tag).filter(|sent| sent.keyed).map(|_| tag)
    }

    fn put(&mut self, engine: &Engine, tag: u64, dice: &mut Dice, outbox: &mut Outbox) {
        let number = self.intents.len() as u64;
        self.intents.push(tag);
        let sent = self.sent.get_mut(&tag).expect("an intent is remembered before it is sent");
        sent.open += 1;
        let key = sent.keyed.then(|| CommandKey::from(u128::from(tag) << 64 | 0xfeed));
        match sent.intent.clone() {
            Intent::Transfer(transfer) => {
                let request = engine.transact(transfer);
                let request = match key {
                    Some(key) => request.key(key),
                    None => request,
                };
                let mut pending = Some(request.submit());
                let refusals = Rc::clone(&self.refusals);
                outbox.poll(number, move || {
                    pending.as_ref().filter(|pending| pending.is_ready())?;
                    let answer = pending.take()?.wait().map(|told| told.receipt);
                    Some(sort(answer, number, &refusals))
                });
            }
            Intent::Account(id, order) => {
                let mut request = Request::<Account>::new(id, order);
                request.key = key;
                if dice.chance(100) {
                    request.expected = Some(Version(dice.below(30)));
                }
                self.put_command(engine, number, request, dice.chance(300), outbox);
            }
        }
    }

    /// Sends a command by itself, or through the session.
    fn put_command(
        &mut self,
        engine: &Engine,
        number: u64,
        request: Request<Account>,
        by_session: bool,
        outbox: &mut Outbox,
    ) {
        let refusals = Rc::clone(&self.refusals);
        if by_session && engine.stats().mailbox_depth == 0 {
            let open = || Rc::new(RefCell::new(engine.session(SESSION_IN_FLIGHT)));
            let session = Rc::clone(self.session.get_or_insert_with(open));
            let taken = session.borrow_mut().request(request);
            if taken.is_err() {
                outbox.poll(number, || Some(Outcome::NoRoom));
                return;
            }
            // Answers come in the order of the requests, and the outbox asks in that order.
            outbox.poll(number, move || {
                let answer = session.borrow_mut().reap()?;
                Some(sort(answer, number, &refusals))
            });
            return;
        }
        let Request { id, command, expected, key, .. } = request;
        let handle = engine.aggregate::<Account>(id);
        let mut execute = handle.execute(command);
        if let Some(expected) = expected {
            execute = execute.expecting(expected);
        }
        if let Some(key) = key {
            execute = execute.key(key);
        }
        let mut pending = Some(execute.submit());
        outbox.poll(number, move || {
            pending.as_ref().filter(|pending| pending.is_ready())?;
            Some(sort(pending.take()?.wait(), number, &refusals))
        });
    }
}

/// Keeps a refusal for later and sorts the answer like any other.
fn sort(
    answer: Result<Receipt, ExecuteError<Insufficient>>,
    number: u64,
    refusals: &RefCell<BTreeMap<u64, Insufficient>>,
) -> Outcome {
    if let Err(ExecuteError::Refused(refusal)) = &answer {
        refusals.borrow_mut().insert(number, refusal.clone());
    }
    Outcome::of(answer)
}

impl Subject for Ledger {
    fn build(&self, builder: Builder) -> Builder {
        builder
            .aggregate::<Account>()
            .aggregate::<Note>()
            .view::<Tally, Account>()
            .table::<Balances, Account>()
    }

    fn send(&mut self, engine: &Engine, dice: &mut Dice, outbox: &mut Outbox) {
        let again = if dice.chance(200) { self.think_again(dice) } else { None };
        let tag = again.unwrap_or_else(|| {
            let (intent, keyed) = (self.think_of(dice), dice.chance(500));
            let tag = self.sent.len() as u64 + 1;
            let sent = Sent { intent, keyed, open: 0, unknown: false, committed: None };
            self.sent.insert(tag, sent);
            tag
        });
        self.put(engine, tag, dice, outbox);
    }

    fn answered(&mut self, tag: u64, outcome: &Outcome, durable: Position) -> Result<(), String> {
        let intent = self.intents[tag as usize];
        let refusal = self.refusals.borrow_mut().remove(&tag);
        if let Some(refusal) = refusal.filter(|refusal| refusal.seen > 0) {
            self.rests_on.push(refusal.seen);
        }
        let sent = self.sent.get_mut(&intent).expect("only what was sent is answered");
        sent.open -= 1;
        match outcome {
            Outcome::Committed(receipt) => return sent.was_committed(intent, receipt, durable),
            Outcome::Unknown => sent.unknown = true,
            Outcome::Rejected(_) | Outcome::NoRoom => {}
        }
        Ok(())
    }

    fn ended(&mut self) {
        self.session = None;
    }

    fn glance(&mut self, engine: &Engine, history: &[RawRecorded]) -> Result<(), String> {
        check::views(engine, history)
    }

    fn holds(&mut self, engine: &Engine, history: &[RawRecorded]) -> Result<(), String> {
        check::views(engine, history)?;
        check::balances(engine, history)?;
        self.everything(engine)
    }
}

impl Sent {
    fn was_committed(
        &mut self,
        tag: u64,
        receipt: &Receipt,
        durable: Position,
    ) -> Result<(), String> {
        if receipt.position > durable {
            return Err(format!(
                "intent {tag} was answered at {} while only {durable} is durable",
                receipt.position
            ));
        }
        match self.committed.replace(*receipt) {
            None if receipt.duplicate && self.open == 0 && !self.unknown => {
                Err(format!("intent {tag} is called a duplicate of nothing"))
            }
            Some(first) if !same(&first, receipt) => {
                Err(format!("intent {tag} was answered {first:?}, and later {receipt:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether both tell of one commit: the duplicate's receipt is that of the first time.
fn same(first: &Receipt, again: &Receipt) -> bool {
    let told =
        |receipt: &Receipt| (receipt.position, receipt.version, receipt.events, receipt.chain);
    told(first) == told(again) && (first.duplicate || again.duplicate)
}
