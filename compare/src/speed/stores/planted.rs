//! Peers that are wrong on purpose, each in one way: what a run must tell.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::{Client, Kept, Known, Peer, Place};
use crate::speed::deposit::{Deposit, PAYLOAD_BYTES};
use crate::speed::way::Way;
use crate::stores::Begin;

/// It answers before anything is on disk.
const LAZY: Known = Known {
    name: "planted-lazy",
    open: |place, begin| Ok(Box::new(open(place, begin, Fault::Lazy)?)),
    ..SOUND
};

/// It answers for a record that it does not keep.
const FORGETFUL: Known = Known {
    name: "planted-forgetful",
    open: |place, begin| Ok(Box::new(open(place, begin, Fault::Forgetful)?)),
    ..SOUND
};

/// Nothing is wrong with it but its speed.
const SOUND: Known = Known {
    name: "planted-sound",
    version: || "0".to_owned(),
    settings: "payloads in a row in one file",
    kept: Kept::OnDisk,
    many: None,
    best: &[],
    open: |place, begin| Ok(Box::new(open(place, begin, Fault::None)?)),
};

pub(crate) const PLANTED: &[&Known] = &[&SOUND, &LAZY, &FORGETFUL];

/// The one record that is forgotten.
const FORGOTTEN: u64 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Lazy,
    Forgetful,
}

struct Planted {
    file: Mutex<File>,
    contents: Vec<u8>,
    fault: Fault,
}

fn open(place: &Place<'_>, begin: Begin, fault: Fault) -> Result<Planted> {
    let path = place.directory.join("payloads");
    if begin == Begin::New {
        std::fs::create_dir_all(place.directory)?;
    }
    let (file, contents) = file(&path, begin)?;
    Ok(Planted { file: Mutex::new(file), contents, fault })
}

fn file(path: &Path, begin: Begin) -> Result<(File, Vec<u8>)> {
    let file = OpenOptions::new().append(true).create_new(begin == Begin::New).open(path)?;
    Ok((file, std::fs::read(path)?))
}

impl Peer for Planted {
    fn client(&self, _: Way) -> Result<Box<dyn Client + '_>> {
        Ok(Box::new(Appends(self)))
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.contents.chunks(PAYLOAD_BYTES).for_each(each);
        Ok(())
    }
}

struct Appends<'a>(&'a Planted);

impl Client for Appends<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let Planted { file, fault, .. } = self.0;
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let forgets = |it: &&Deposit| *fault == Fault::Forgetful && it.key == FORGOTTEN;
        for deposit in deposits.iter().filter(|it| !forgets(it)) {
            file.write_all(&deposit.payload)?;
        }
        if *fault != Fault::Lazy {
            file.sync_data()?;
        }
        Ok(())
    }
}
