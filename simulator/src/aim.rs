//! Aims trouble at operations that can meet it: the chooser that a simulated disk asks.

use std::sync::{Arc, Mutex, PoisonError};

use crate::dice::Dice;
use crate::disk::{Chooser, Fault, Operation, OperationKind, Scope};
use crate::plan::Trouble;

/// What the disk answered and did not do.
#[derive(Clone, Copy)]
struct Lie {
    /// Journal writes that the same engine began since.
    writes: u64,
    /// That engine has ended: what a recovery writes says nothing of what was before.
    over: bool,
    /// How many of them leave no doubt: one was built after the lost one had been answered, says
    /// so, and is itself answered.
    writes_that_tell: u64,
    /// Events that had been promised by then: they are below a watermark, or will be.
    promised: u64,
}

/// What the disk will be told to do, shared with the disk that asks.
#[derive(Clone, Default)]
pub(crate) struct Aim(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What is to come, and after how many operations that could meet it.
    waiting: Vec<(Trouble, u8)>,
    /// Makes a disk slow that takes several writes at a time: they wait, and overtake each other.
    slow: Option<Dice>,
    /// What the disk was made to do last.
    last: Option<Trouble>,
    /// Whether anything was made to fail since the disk was healed.
    troubled: bool,
    lie: Option<Lie>,
    /// Writes that the disk takes at a time.
    writes_in_flight: u64,
    /// How many events had been promised.
    promised: u64,
    /// Operations that changed what the disk holds.
    changes: u64,
}

impl Aim {
    /// Trouble at the operation that can meet it after so many others that could.
    pub(crate) fn at(&self, trouble: Trouble, after: u8) {
        self.state().waiting.push((trouble, after));
    }

    /// Every second journal write waits a little from now on.
    pub(crate) fn slowly(&self, dice: Dice) {
        self.state().slow = Some(dice);
    }

    /// No more trouble, but for what nobody would notice.
    pub(crate) fn nowhere(&self) {
        let mut state = self.state();
        state.waiting.retain(|(trouble, _)| trouble.is_a_lie());
        state.troubled = false;
    }

    /// Notes that something will fail that was not aimed.
    pub(crate) fn troubled(&self) {
        self.state().troubled = true;
    }

    /// Whether something that fails now may be of our making.
    pub(crate) fn is_troubled(&self) -> bool {
        self.state().troubled
    }

    /// Whether what ended the disk was a kill; otherwise it was the power.
    pub(crate) fn was_kill(&self) -> bool {
        self.state().last == Some(Trouble::Kill)
    }

    /// Operations so far that changed, or were to change, what the disk holds.
    pub(crate) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Whether the disk has lied.
    pub(crate) fn has_lied(&self) -> bool {
        self.state().lie.is_some()
    }

    /// Whether a journal that ends after so many events may be what a lie has left: the last
    /// writes are gone, and nothing on disk says that they were answered.
    pub(crate) fn may_end_after(&self, events: u64) -> bool {
        let lie = self.state().lie;
        lie.is_some_and(|lie| lie.writes < lie.writes_that_tell && events >= lie.promised)
    }

    /// Notes that the engine has ended.
    pub(crate) fn ended(&self) {
        if let Some(lie) = &mut self.state().lie {
            lie.over = true;
        }
    }

    /// Notes that damage was done by other means, below what is durable.
    pub(crate) fn damaged(&self) {
        self.state().lie = Some(Lie { writes: 0, over: false, writes_that_tell: 0, promised: 0 });
    }

    /// Notes how the disk is used.
    pub(crate) fn used_with(&self, writes_in_flight: usize) {
        self.state().writes_in_flight = writes_in_flight as u64;
    }

    /// Notes how many events nothing may take away.
    pub(crate) fn promised(&self, events: u64) {
        self.state().promised = events;
    }

    /// What the disk asks at every operation.
    pub(crate) fn chooser(&self) -> Chooser {
        let aim = self.clone();
        Box::new(move |operation| aim.state().choose(operation))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choose(&mut self, operation: &Operation) -> Option<Fault> {
        use OperationKind::{List, Lock, Open, Read, Size};
        self.changes += u64::from(!matches!(operation.kind, List | Lock | Open | Read | Size));
        if operation.kind == OperationKind::Submit
            && let Some(lie) = &mut self.lie
        {
            lie.writes += u64::from(!lie.over);
        }
        let Some(trouble) = self.due(operation) else { return self.delay(operation) };
        if trouble.is_a_lie() {
            let writes_that_tell = 2 * self.writes_in_flight;
            self.lie =
                Some(Lie { writes: 0, over: false, writes_that_tell, promised: self.promised });
        }
        (self.last, self.troubled) = (Some(trouble), true);
        Some(fault(trouble))
    }

    /// The first of those waiting whose time has come.
    fn due(&mut self, operation: &Operation) -> Option<Trouble> {
        let at = self.waiting.iter_mut().position(|(trouble, after)| {
            if !meets(*trouble, operation) {
                return false;
            }
            let due = *after == 0;
            *after = after.saturating_sub(1);
            due
        })?;
        Some(self.waiting.remove(at).0)
    }

    fn delay(&mut self, operation: &Operation) -> Option<Fault> {
        let dice = self.slow.as_mut().filter(|_| operation.kind == OperationKind::Submit)?;
        let polls = (dice.below(6) as u32).checked_sub(2)?;
        (polls > 0).then_some(Fault::Stall(polls))
    }
}

fn meets(trouble: Trouble, operation: &Operation) -> bool {
    use OperationKind::{Create, Open, Read, Reserve, Submit, Sync, SyncDirectory, Write};
    let kind = operation.kind;
    match trouble {
        Trouble::Write | Trouble::Dead => matches!(kind, Reserve | Write | Submit),
        Trouble::Short => matches!(kind, Write | Submit),
        Trouble::Sync => matches!(kind, Sync | SyncDirectory),
        Trouble::Read => kind == Read,
        Trouble::NoSpace => matches!(kind, Create | Reserve | Write),
        Trouble::NoDescriptor => matches!(kind, Open | Create),
        Trouble::Stall | Trouble::Lose | Trouble::Misdirect => kind == Submit,
        Trouble::PowerCut | Trouble::Kill => !matches!(kind, Read | OperationKind::Size),
        Trouble::PowerCutUnnamed => kind == SyncDirectory,
    }
}

fn fault(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Write | Trouble::Sync | Trouble::Read => Fault::Eio,
        Trouble::Dead => Fault::EioForEver(Scope::Everything),
        Trouble::Short => Fault::ShortWrite,
        Trouble::NoSpace => Fault::NoSpace,
        Trouble::NoDescriptor => Fault::NoDescriptor,
        Trouble::Stall => Fault::Stall(5),
        Trouble::PowerCut | Trouble::PowerCutUnnamed => Fault::PowerCut,
        Trouble::Kill => Fault::Kill,
        Trouble::Lose => Fault::LoseWrite,
        Trouble::Misdirect => Fault::MisdirectWrite,
    }
}
