//! What is appended: entry after entry, each known in advance to the last byte.

use std::{io::Write, ops::Range};

use hotledger_journal::{
    Entry, EntryHead, EntryKey, Error, EventHead, Journal, NameId, Options, StreamId,
};
use hotledger_simulator::Dice;

/// The entries of the last lives: a dozen fill a segment, so each of these lives rolls in its
/// middle, into a segment that was made ready in the same life.
const LARGE: Range<u64> = 540..720;

/// One entry as it must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    pub head: EntryHead,
    /// Stream, version of the stream, payload.
    pub events: Vec<(u64, u64, Vec<u8>)>,
}

/// The entries of a journal, by their number.
pub struct Script {
    entries: Vec<Scripted>,
    /// Position of each entry's first event; one more at the end.
    positions: Vec<u64>,
}

pub fn options() -> Options {
    Options {
        names: vec!["account".into(), "deposited".into()],
        segment_bytes_first: 1 << 20,
        segment_bytes_max: 1 << 20,
        time: 1,
        ..Options::default()
    }
}

impl Script {
    /// So many entries, most of them small, the same for the same seed.
    pub fn new(seed: u64, count: u64) -> Script {
        let mut dice = Dice::new(seed);
        let entries: Vec<_> = (0..count).map(|number| Scripted::new(&mut dice, number)).collect();
        let mut positions = vec![0];
        for entry in &entries {
            positions.push(positions.last().expect("one at least") + entry.events.len() as u64);
        }
        Script { entries, positions }
    }

    pub fn entry(&self, number: u64) -> &Scripted {
        &self.entries[number as usize]
    }

    /// Position behind so many entries.
    pub fn position(&self, entries: u64) -> u64 {
        self.positions[entries as usize]
    }
}

impl Scripted {
    pub fn new(dice: &mut Dice, number: u64) -> Scripted {
        let bytes = |dice: &mut Dice| -> [u8; 16] {
            (u128::from(dice.number()) << 64 | u128::from(number)).to_le_bytes()
        };
        let keyed = dice.chance(400);
        let key = keyed.then(|| EntryKey { key: bytes(dice), fingerprint: number, version: 1 });
        let correlation = dice.chance(200).then(|| bytes(dice));
        let causation = dice.chance(200).then(|| bytes(dice));
        let head = EntryHead { time: number as i64, key, correlation, causation };
        let count = if dice.chance(60) { 0 } else { 1 + dice.below(3) };
        let length = |dice: &mut Dice| match dice.below(200) {
            _ if LARGE.contains(&number) => 80_000 + dice.below(60_000),
            0..2 => 100_000 + dice.below(100_000),
            2..12 => 3000 + dice.below(12_000),
            _ => dice.below(400),
        };
        let event = |at| {
            let length = if at == 0 { length(dice) } else { dice.below(50) };
            let mut payload = vec![dice.number() as u8 | 1; length as usize];
            for (byte, number) in payload.iter_mut().zip(number.to_le_bytes()) {
                *byte = number;
            }
            (dice.below(9), number * 4 + at, payload)
        };
        Scripted { head, events: (0..count).map(event).collect() }
    }

    /// Puts it into the open batch.
    pub fn append(&self, journal: &mut Journal) -> Result<(), Error> {
        journal.begin_entry(&self.head)?;
        for (id, version, payload) in &self.events {
            let (kind, event_type, id) = (NameId(0), NameId(1), StreamId::U64(*id));
            let head = EventHead { kind, event_type, schema: 1, id, version: *version };
            journal.event(&head, |room| room.write_all(payload)).expect("the entry fits");
        }
        journal.finish_entry();
        Ok(())
    }

    /// Whether what was read is this, from this position on.
    pub fn check(&self, entry: &Entry<'_>, position: u64) -> Result<(), String> {
        if entry.head() != self.head {
            return Err(format!("another head: {:?}", entry.head()));
        }
        let mut events = self.events.iter();
        for (at, event) in (position..).zip(entry.events()) {
            let event = event.map_err(|error| error.to_string())?;
            let (id, version, payload) = events.next().ok_or("more events")?;
            let same = event.position == at
                && event.id == StreamId::U64(*id)
                && event.version == *version
                && event.payload == payload.as_slice();
            if !same {
                return Err(format!("another event at position {at}"));
            }
        }
        if events.next().is_some() { Err("fewer events".to_owned()) } else { Ok(()) }
    }
}
