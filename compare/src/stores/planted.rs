//! Stores that meet damage in one way each, wrong on purpose: what the harness must tell apart.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::{Begin, Known, Store};
use crate::record::Record;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// None: an error over what it cannot read.
    Refuses,
    /// It leaves out what it cannot read.
    Skips,
    /// It panics over what it cannot read.
    Panics,
    /// It panics over what it cannot read, on another thread.
    PanicsAside,
    /// It never comes back from what it cannot read.
    Hangs,
    /// What it acknowledged goes to the file some records later.
    Forgets,
}

pub(super) const PLANTED: [&Known; 6] = [
    &planted("planted-refuses", |path, begin| open(path, begin, Fault::Refuses)),
    &planted("planted-skips", |path, begin| open(path, begin, Fault::Skips)),
    &planted("planted-panics", |path, begin| open(path, begin, Fault::Panics)),
    &planted("planted-panics-aside", |path, begin| open(path, begin, Fault::PanicsAside)),
    &planted("planted-hangs", |path, begin| open(path, begin, Fault::Hangs)),
    &planted("planted-forgets", |path, begin| open(path, begin, Fault::Forgets)),
];

/// Acknowledged records that the one that forgets holds back.
const HELD_BACK: usize = 3;

const fn planted(name: &'static str, open: fn(&Path, Begin) -> Result<Box<dyn Store>>) -> Known {
    let version = || String::from("planted");
    Known { name, version, settings: "wrong on purpose", promises: "Nothing", derived: &[], open }
}

/// A text of one line a record: key, payload, sum of all bytes before.
struct Planted {
    file: File,
    held_back: Vec<String>,
    lines: Vec<u8>,
    fault: Fault,
}

fn open(directory: &Path, begin: Begin, fault: Fault) -> Result<Box<dyn Store>> {
    let path = directory.join("deposits.txt");
    if begin == Begin::New {
        std::fs::create_dir_all(directory)?;
    }
    let new = begin == Begin::New;
    let file = OpenOptions::new().append(true).create_new(new).open(&path)?;
    let lines = std::fs::read(path)?;
    Ok(Box::new(Planted { file, held_back: Vec::new(), lines, fault }))
}

impl Store for Planted {
    fn append(&mut self, record: &Record) -> Result<()> {
        let body = format!("{} {}", record.key, std::str::from_utf8(&record.payload)?);
        self.held_back.push(format!("{body}#{:08}\n", sum(body.as_bytes())));
        let holds = if self.fault == Fault::Forgets { HELD_BACK } else { 0 };
        while self.held_back.len() > holds {
            self.file.write_all(self.held_back.remove(0).as_bytes())?;
        }
        Ok(())
    }

    fn read_all(&mut self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for line in self.lines.split_inclusive(|byte| *byte == b'\n') {
            match record(line) {
                Ok(record) => records.push(record),
                Err(error) => self.fault.meet(error)?,
            }
        }
        Ok(records)
    }
}

impl Fault {
    fn meet(self, error: anyhow::Error) -> Result<()> {
        match self {
            Self::Skips => Ok(()),
            Self::Panics => panic!("{error}"),
            Self::PanicsAside => {
                let aside = std::thread::spawn(move || panic!("{error}"));
                assert!(aside.join().is_err(), "it panicked");
                Ok(())
            }
            Self::Hangs => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            Self::Refuses | Self::Forgets => bail!(error),
        }
    }
}

fn record(line: &[u8]) -> Result<Record> {
    let hash = line.len().saturating_sub(10);
    let (body, tail) = line.split_at(hash);
    ensure!(tail == format!("#{:08}\n", sum(body)).as_bytes(), "the sum is wrong");
    let space = body.iter().position(|byte| *byte == b' ').unwrap_or(0);
    let key = std::str::from_utf8(&body[..space])?.parse()?;
    Ok(Record { key, payload: body[space + 1..].to_vec() })
}

/// Each byte weighs another amount, so that one flipped bit always shows.
fn sum(bytes: &[u8]) -> u64 {
    let weighed = (1..).zip(bytes).map(|(weight, byte)| weight * u64::from(*byte));
    weighed.sum::<u64>() % 100_000_000
}
