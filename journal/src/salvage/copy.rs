//! The new journal, appended to entry by entry.

use std::{io::Write, sync::Arc};

use uuid::Uuid;

use crate::{
    append::Journal,
    chain::Chain,
    disk::Disk,
    error::Error,
    head::EventHead,
    names::Names,
    options::Options,
    read::{Batch, Entry},
    recover::Recovery,
};

/// A journal that repeats another one's entries.
pub(super) struct Copy {
    disk: Arc<dyn Disk>,
    /// Open with the names of the batch that was appended last.
    open: Option<(Journal, Arc<Names>)>,
    chain: Chain,
}

impl Copy {
    /// Takes a disk that holds nothing.
    pub(super) fn into(disk: Arc<dyn Disk>) -> Result<Copy, Error> {
        let names = disk.list().map_err(|error| Error::from_io("list the directory", error))?;
        if let Some(name) = names.first() {
            let path = "a new journal".to_owned();
            let what = format!("the directory is not empty: it holds {name}");
            let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, what);
            return Err(Error::CannotCreate { path, source: Arc::new(source) });
        }
        Ok(Copy { disk, open: None, chain: Chain::ZERO })
    }

    /// Appends the batch's entries. They become durable in batches as large as they may be.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), Error> {
        let mut journal = self.journal_for(batch)?;
        assert_eq!(journal.next_position(), batch.first_position(), "a copy has no gap");
        for entry in batch.entries() {
            if !journal.has_room() {
                self.chain = write(&mut journal)?;
            }
            append_entry(&mut journal, &entry?)?;
        }
        assert_eq!(journal.next_position(), batch.end_position(), "every event is copied");
        self.open = Some((journal, batch.names().clone()));
        Ok(())
    }

    /// Makes all of it durable and closes; the new journal's identity, and its last batch's chain.
    pub(super) fn finish(mut self, events: u64) -> Result<(Uuid, Chain), Error> {
        let mut journal = match self.open.take() {
            Some((journal, _)) => journal,
            None => open(&self.disk, &Names::default(), 0)?,
        };
        if journal.open_entries() > 0 {
            self.chain = write(&mut journal)?;
        }
        assert_eq!(journal.durable_position(), events, "what is kept is durable");
        let journal_id = journal.journal_id();
        journal.close()?;
        Ok((journal_id, self.chain))
    }

    /// The journal, opened again where the batch has other names than the one before.
    fn journal_for(&mut self, batch: &Batch) -> Result<Journal, Error> {
        match self.open.take() {
            Some((journal, names)) if names == *batch.names() => Ok(journal),
            Some((mut journal, _)) => {
                if journal.open_entries() > 0 {
                    self.chain = write(&mut journal)?;
                }
                journal.close()?;
                open(&self.disk, batch.names(), 0)
            }
            None => {
                let first = batch.entries().next().transpose()?;
                open(&self.disk, batch.names(), first.map_or(0, |entry| entry.time()))
            }
        }
    }
}

fn open(disk: &Arc<dyn Disk>, names: &Names, time: i64) -> Result<Journal, Error> {
    let names = names.iter().map(|(_, name)| name.to_owned()).collect();
    let options = Options { names, time, ..Options::default() };
    let recovery = Recovery::begin(disk.clone(), options)?;
    let mut reader = recovery.reader_at(None)?;
    while reader.next()?.is_some() {}
    recovery.finish(reader).map(|(journal, _)| journal)
}

fn append_entry(journal: &mut Journal, entry: &Entry<'_>) -> Result<(), Error> {
    journal.begin_entry(&entry.head())?;
    for event in entry.events() {
        let event = event?;
        let head = EventHead {
            kind: event.kind,
            event_type: event.event_type,
            schema: event.schema,
            id: event.id,
            version: event.version,
        };
        journal
            .event(&head, |room| room.write_all(event.payload))
            .expect("an entry that was stored once fits again");
    }
    let end = journal.finish_entry();
    let expected = entry.first_position() + u64::from(entry.event_count());
    assert_eq!(end, expected, "an entry is copied to its old position");
    Ok(())
}

/// Writes the open batch and waits until it is durable; its chain.
fn write(journal: &mut Journal) -> Result<Chain, Error> {
    journal.submit()?;
    let chain = journal.complete(true)?.expect("one batch was submitted").batch.chain();
    assert_eq!(journal.in_flight(), 0, "one batch is written at a time");
    Ok(chain)
}
