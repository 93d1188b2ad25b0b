//! The choice of what a power cut takes.

use std::collections::BTreeMap;

use crate::dice::Dice;

/// What a power cut takes of all that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it, names included.
    Everything,
    /// None of it, writes in flight included.
    Nothing,
    /// What the seed says: sectors in any subset, from the start, to the end, all but a few, or
    /// by whole pages; sizes anywhere between; names from the start or in any subset in which
    /// each change of a name follows all earlier ones of it.
    Seeded,
}

/// Decides sector by sector what a power cut leaves, and remembers which writes it tore.
#[derive(Debug)]
pub(super) struct Keeper {
    loss: Loss,
    dice: Dice,
    style: Style,
    at: u64,
    /// Of each write, whether any sector was kept and whether any was lost.
    writes: BTreeMap<u64, (bool, bool)>,
}

/// Which of the sectors, counted through all files, are kept.
#[derive(Clone, Copy, Debug)]
enum Style {
    Within(u64, u64),
    Without(u64, u64),
    /// Each with a chance of so many in a thousand.
    Sectors(u64),
    /// Whole patches, each with a chance of so many in a thousand.
    Pages(u64),
}

impl Keeper {
    /// Chooses among so many sectors.
    pub(super) fn new(loss: Loss, sectors: u64, mut dice: Dice) -> Keeper {
        let style = match loss {
            Loss::Everything => Style::Within(0, 0),
            Loss::Nothing => Style::Without(0, 0),
            Loss::Seeded => Style::roll(sectors, &mut dice),
        };
        Keeper { loss, dice, style, at: 0, writes: BTreeMap::new() }
    }

    /// Those of the sectors that are kept.
    pub(super) fn keep(&mut self, write: u64, sectors: u8) -> u8 {
        let kept = match self.style {
            Style::Pages(chance) if self.dice.chance(chance) => sectors,
            Style::Pages(_) => 0,
            _ => self.keep_each(sectors),
        };
        let (some, lost) = self.writes.entry(write).or_default();
        *some |= kept != 0;
        *lost |= kept != sectors;
        kept
    }

    fn keep_each(&mut self, sectors: u8) -> u8 {
        let mut kept = 0;
        for bit in (0..8).map(|sector| 1 << sector).filter(|bit| sectors & bit != 0) {
            let stays = match self.style {
                Style::Within(from, to) => (from..to).contains(&self.at),
                Style::Without(from, to) => !(from..to).contains(&self.at),
                Style::Sectors(chance) | Style::Pages(chance) => self.dice.chance(chance),
            };
            self.at += 1;
            if stays {
                kept |= bit;
            }
        }
        kept
    }

    /// A size from one that was synced to the present one.
    pub(super) fn size(&mut self, synced: u64, present: u64, unit: u64) -> u64 {
        let growth = present - synced;
        match self.loss {
            Loss::Everything => synced,
            Loss::Nothing => present,
            Loss::Seeded => match self.dice.below(4) {
                0 => synced,
                1 => present,
                _ => (synced + self.dice.below(growth + 1)).next_multiple_of(unit).min(present),
            },
        }
    }

    /// Which of so many changes of names may be kept; the caller drops those that follow a lost
    /// change of the same name.
    pub(super) fn names(&mut self, count: usize) -> Vec<bool> {
        match self.loss {
            Loss::Everything => vec![false; count],
            Loss::Nothing => vec![true; count],
            Loss::Seeded if self.dice.coin() => {
                let kept = self.dice.below(count as u64 + 1) as usize;
                (0..count).map(|at| at < kept).collect()
            }
            Loss::Seeded => (0..count).map(|_| self.dice.coin()).collect(),
        }
    }

    /// Writes of which some sectors were kept and others lost.
    pub(super) fn torn(&self) -> u64 {
        self.writes.values().filter(|(some, lost)| *some && *lost).count() as u64
    }

    /// Writes of which every sector was lost.
    pub(super) fn lost(&self) -> u64 {
        self.writes.values().filter(|(some, _)| !some).count() as u64
    }
}

impl Style {
    fn roll(sectors: u64, dice: &mut Dice) -> Style {
        let (one, other) = (dice.below(sectors + 1), dice.below(sectors + 1));
        let at = dice.below(sectors);
        match dice.below(9) {
            0 => Style::Within(0, one),
            1 => Style::Within(one, sectors),
            2 => Style::Within(at, at + 1),
            3 => Style::Without(at, at + 1),
            4 => Style::Within(one.min(other), one.max(other)),
            5 => Style::Without(one.min(other), one.max(other)),
            6 => Style::Pages(500),
            _ => Style::Sectors(100 + dice.below(801)),
        }
    }
}
