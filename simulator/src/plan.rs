//! What a seed means: a setting, and actions that are fixed before the first of them is done.

use hotledger_journal::{BLOCK_BYTES, Fill, SEGMENT_BYTES_MIN};

use crate::dice::Dice;

/// Everything that will be tried on one engine; the same for the same seed, for ever.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it comes from.
    pub seed: u64,
    /// The engine and the disk at first.
    pub setting: Setting,
    /// What happens, in order. Any of them can be left out, and the rest still makes sense.
    pub actions: Vec<Action>,
}

/// How an engine is opened, and what it is opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Writes that the disk takes at a time.
    pub writes_in_flight: usize,
    /// Size of the first segment.
    pub segment_bytes: u64,
    /// Events between two snapshots; 0 for none.
    pub snapshot_every: u64,
    /// Room in the mailbox.
    pub mailbox: usize,
    /// Which segments are filled ahead of need.
    pub fill: Fill,
    /// Whether the first file system can set room aside; it stays as it is.
    pub reserves: bool,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The subject sends what these dice say.
    Send(u64),
    /// The writer is stepped so often.
    Writer(u8),
    /// Another stage is stepped: segments, snapshots, then projectors, counted round.
    Stage(u8),
    /// Time passes: so many milliseconds.
    Advance(u16),
    /// The time of day jumps by so many milliseconds.
    Jump(i32),
    /// The subject looks at the engine in the middle of things.
    Glance,
    /// Everything that waits is done, and the subject looks whether all holds.
    Settle,
    /// A further engine is opened on the same disk, and must be sent away.
    Intrude,
    /// The state is folded again from zero, and from a snapshot, and compared.
    Digest,
    /// Memory is wanted elsewhere: the page cache forgets.
    Evict,
    /// The disk will meet this trouble once it has done so many more operations that can meet it.
    Trouble(Trouble, u8),
    /// Nothing fails any more, and there is room.
    Heal,
    /// There is room for so many more blocks of 64 KiB.
    Fill(u8),
    /// One bit rots, somewhere that these dice choose, after everything has come to rest.
    Rot(u64),
    /// The engine ends.
    End(End),
    /// The engine is opened again, as these dice say or as it was.
    Open(Option<Setting>),
}

/// How an engine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In good order.
    Close,
    /// The process is killed; what the page cache holds is kept.
    Kill,
    /// The power goes; what was not synced is lost in parts.
    PowerCut,
}

/// What the disk can be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A write answers `EIO`.
    Write,
    /// A sync answers `EIO`.
    Sync,
    /// A read answers `EIO`.
    Read,
    /// From some write on, everything answers `EIO`.
    Dead,
    /// A write ends short.
    Short,
    /// An operation that takes room finds none.
    NoSpace,
    /// An open or create finds no descriptor.
    NoDescriptor,
    /// A write is held back.
    Stall,
    /// The power goes in the middle of an operation.
    PowerCut,
    /// The power goes while names are being made durable.
    PowerCutUnnamed,
    /// The process is killed in the middle of an operation.
    Kill,
    /// A journal write is answered and never made.
    Lose,
    /// A journal write goes to another place.
    Misdirect,
}

impl Trouble {
    /// Whether the disk answers as if nothing had happened.
    #[must_use]
    pub fn is_a_lie(self) -> bool {
        matches!(self, Self::Lose | Self::Misdirect)
    }
}

/// Honest trouble with the operations that may pass before it comes: fewer of those that are rare.
const HONEST: [(Trouble, u64); 12] = [
    (Trouble::Write, 25),
    (Trouble::Sync, 5),
    (Trouble::Read, 12),
    (Trouble::Dead, 25),
    (Trouble::Short, 12),
    (Trouble::NoSpace, 8),
    (Trouble::NoDescriptor, 6),
    (Trouble::Stall, 12),
    (Trouble::PowerCut, 40),
    (Trouble::PowerCutUnnamed, 2),
    (Trouble::PowerCutUnnamed, 4),
    (Trouble::Kill, 40),
];

fn honest(dice: &mut Dice) -> Action {
    let (trouble, within) = HONEST[dice.below(HONEST.len() as u64) as usize];
    Action::Trouble(trouble, dice.below(within) as u8)
}

impl Setting {
    fn of(dice: &mut Dice) -> Self {
        let blocks = BLOCK_BYTES as u64;
        // Dice of its own, so that all else that a seed means stays as it was.
        let mut apart = dice.clone().split();
        Self {
            writes_in_flight: [1, 1, 2, 2, 3, 8][dice.below(6) as usize],
            segment_bytes: SEGMENT_BYTES_MIN + dice.below(3) * 16 * blocks,
            snapshot_every: [0, 1, 5, 20, 60][dice.below(5) as usize],
            mailbox: [2, 16, 1_000][dice.below(3) as usize],
            // Segments are too small here for any average to be large.
            fill: if apart.coin() { Fill::Always } else { Fill::Never },
            reserves: apart.coin(),
        }
    }
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0007_1d6e_7000);
        let setting = Setting::of(&mut dice);
        let mut actions = Vec::new();
        let lives = 3 + dice.below(3);
        // A disk that lies does so late: what comes before is checked in full.
        let lies = dice.chance(350).then(|| dice.below(5));
        for life in 0..lives {
            if life > 0 {
                actions.extend(reopening(&mut dice));
            }
            if life + 2 == lives {
                actions.extend(lies.map(|lie| a_lie(lie, &mut dice)));
            }
            live(&mut dice, &mut actions);
            actions.push(Action::End(match dice.below(10) {
                0 => End::Close,
                1..3 => End::Kill,
                _ => End::PowerCut,
            }));
        }
        Self { seed, setting, actions }
    }
}

/// Opens again, mostly in peace, sometimes with trouble on the way and other settings.
fn reopening(dice: &mut Dice) -> Vec<Action> {
    let mut actions = Vec::new();
    while dice.chance(350) {
        let death = if dice.chance(700) { Trouble::PowerCut } else { Trouble::Kill };
        let death = Action::Trouble(death, dice.below(20) as u8);
        actions.push(if dice.chance(700) { death } else { honest(dice) });
        actions.push(Action::Open(None));
        actions.push(Action::End(End::PowerCut));
    }
    if dice.chance(700) {
        actions.push(Action::Heal);
    }
    let other = dice.chance(300).then(|| Setting::of(dice));
    actions.push(Action::Open(other));
    actions
}

fn live(dice: &mut Dice, actions: &mut Vec<Action>) {
    if dice.chance(700) {
        actions.push(honest(dice));
    }
    for _ in 0..10 + dice.below(35) {
        actions.push(match dice.below(100) {
            0..40 => Action::Send(dice.number()),
            40..70 => Action::Writer(1 + dice.below(4) as u8),
            70..83 => Action::Stage(dice.number() as u8),
            83..88 => Action::Advance(dice.below(120) as u16),
            88 => Action::Jump(dice.below(2_000_000) as i32 - 1_000_000),
            89..93 => Action::Glance,
            93 => Action::Settle,
            94 => Action::Intrude,
            95 => Action::Evict,
            96..98 => Action::Heal,
            98 => Action::Fill(dice.below(40) as u8),
            _ => honest(dice),
        });
    }
}

fn a_lie(lie: u64, dice: &mut Dice) -> Action {
    match lie {
        0 | 1 => Action::Trouble(Trouble::Lose, dice.below(5) as u8),
        2 | 3 => Action::Trouble(Trouble::Misdirect, dice.below(5) as u8),
        _ => Action::Rot(dice.number()),
    }
}
