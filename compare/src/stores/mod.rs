//! The stores that are compared, each behind the same three verbs.

mod fjall;
mod hotledger;
mod planted;
mod redb;
mod sqlite;

use std::path::Path;

use anyhow::{Context, Result};

use crate::record::Record;

/// A store as the harness uses it. An error of any kind counts as a refusal.
pub(crate) trait Store {
    /// Appends a record. Once it returns, the record is durable as far as the store can promise.
    fn append(&mut self, record: &Record) -> Result<()>;

    /// Every record there is, in any order.
    fn read_all(&mut self) -> Result<Vec<Record>>;
}

/// Whether a store is to be made or must be there. A store that must be there, and is not, is
/// refused: nobody who knows that he has records is to be given an empty store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    New,
    Existing,
}

/// What is known of a store before it is opened.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) version: fn() -> String,
    /// The settings it runs under: the strongest it documents.
    pub(crate) settings: &'static str,
    /// What its own documents say of damage.
    pub(crate) promises: &'static str,
    /// Ends of the names of files that are made anew at every start, and so are not harmed.
    pub(crate) derived: &'static [&'static str],
    open: fn(&Path, Begin) -> Result<Box<dyn Store>>,
}

impl Known {
    /// # Errors
    /// The store refused.
    pub(crate) fn open(&self, directory: &Path, begin: Begin) -> Result<Box<dyn Store>> {
        (self.open)(directory, begin)
    }
}

/// The stores of the table, in its order.
pub(crate) const COMPARED: &[&Known] =
    &[&hotledger::KNOWN, &sqlite::KNOWN, &redb::KNOWN, &fjall::KNOWN];

/// # Errors
/// There is none of this name.
pub(crate) fn named(name: &str) -> Result<&'static Known> {
    let mut all = COMPARED.iter().copied().chain(planted::PLANTED);
    all.find(|known| known.name == name).with_context(|| {
        let names: Vec<_> = COMPARED.iter().map(|known| known.name).collect();
        format!("no store is called {name}; there are {}", names.join(", "))
    })
}

/// The version of a crate as this binary was built with it.
pub(crate) fn locked_version(name: &str) -> String {
    let locked = include_str!("../../Cargo.lock");
    let heading = format!("name = \"{name}\"\nversion = \"");
    let version = locked.split_once(&heading).and_then(|(_, rest)| rest.split('"').next());
    version.expect("a dependency is locked").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_was_given_it_gives_back() {
        for known in COMPARED {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("store");
            let records: Vec<_> = (1..=20).map(Record::of).collect();
            let mut store = known.open(&path, Begin::New).expect("made");
            records[..10].iter().for_each(|it| store.append(it).expect("appended"));
            drop(store);
            let mut store = known.open(&path, Begin::Existing).expect("opened");
            records[10..].iter().for_each(|it| store.append(it).expect("appended"));
            let mut read = store.read_all().expect("read");
            read.sort();
            assert_eq!(read, records, "{}", known.name);
        }
    }

    #[test]
    fn a_store_that_must_be_there_is_not_made() {
        for known in COMPARED {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("store");
            let opened = known.open(&path, Begin::Existing).map(|_| ());
            assert!(opened.is_err(), "{} began an empty store", known.name);
        }
    }

    #[test]
    fn versions_are_those_that_were_built() {
        for known in COMPARED {
            let version = (known.version)();
            assert!(version.contains(|it: char| it.is_ascii_digit()), "{version}");
        }
    }
}
