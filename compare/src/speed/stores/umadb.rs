//! UmaDB, an event store, in process: its storage engine and its writer thread, without gRPC.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};
use tokio::sync::{mpsc, oneshot, watch};
use umadb_core::db::UmaDb;
use umadb_core::mvcc::{DEFAULT_DB_FILENAME, Mvcc, StorageOptions};
use umadb_core::writer_thread_blocking::writer_thread_blocking;
use umadb_core::writer_thread_request::WriterThreadRequest;
use umadb_dcb::{DcbEvent, DcbEventStoreSync, DcbResult};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::Deposit;
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

/// Requests that wait for the writer, and events in one commit: what its server sets.
const REQUESTS_MAX: usize = 1024;
const EVENTS_MAX: usize = 2048;

/// Events read at a time, so that no more of them are in memory.
const PAGE: u32 = 4096;

pub(super) const KNOWN: Known = Known {
    name: "umadb",
    version: || locked_version("umadb-core"),
    settings: "`umadb-core` in process with the writer thread that its server runs, which commits \
               what has queued up together; an event with the account as its one tag, appended \
               without a condition; no gRPC in between, which its users have",
    kept: Kept::OnDisk,
    many: Some(Way::in_flight(64)),
    best: &[Way { clients: 1, in_flight: 2, batch: 1024 }, Way::in_flight(1024)],
    open: |place, begin| Ok(Box::new(open(place.directory, begin)?)),
};

struct Uma {
    database: UmaDb,
    requests: mpsc::Sender<WriterThreadRequest>,
    writer: Option<JoinHandle<()>>,
}

fn open(directory: &Path, begin: Begin) -> Result<Uma> {
    let file = directory.join(DEFAULT_DB_FILENAME);
    match begin {
        Begin::New => std::fs::create_dir_all(directory)?,
        Begin::Existing => ensure!(file.is_file(), "there is no database"),
    }
    let mvcc = Arc::new(Mvcc::new(false, StorageOptions::default().db_path(file))?);
    let (requests, taken) = mpsc::channel(REQUESTS_MAX);
    let (head, _) = watch::channel(None);
    let database = UmaDb::from_arc(Arc::clone(&mvcc));
    let write = move || writer_thread_blocking(mvcc, taken, head, EVENTS_MAX);
    Ok(Uma { database, requests, writer: Some(std::thread::spawn(write)) })
}

impl Drop for Uma {
    fn drop(&mut self) {
        let _ = self.requests.blocking_send(WriterThreadRequest::Shutdown);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Peer for Uma {
    fn client(&self, way: Way) -> Result<Box<dyn Client + '_>> {
        let answers = VecDeque::with_capacity(way.in_flight);
        Ok(Box::new(Appends { requests: &self.requests, answers }))
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut next = 1;
        loop {
            let (events, _) = self.database.read_with_head(None, Some(next), false, Some(PAGE))?;
            let Some(last) = events.last() else { return Ok(()) };
            next = last.position + 1;
            events.iter().for_each(|it| each(&it.event.data));
        }
    }
}

struct Appends<'a> {
    requests: &'a mpsc::Sender<WriterThreadRequest>,
    answers: VecDeque<oneshot::Receiver<DcbResult<u64>>>,
}

impl Client for Appends<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let event = |deposit: &Deposit| {
            let account = format!("account:{}", deposit.account());
            DcbEvent::new().event_type("Deposited").tags([account]).data(deposit.payload)
        };
        let events = deposits.iter().map(event).collect();
        let (response_tx, answer) = oneshot::channel();
        let (condition, tracking_info, cancel) = (None, None, None);
        let append =
            WriterThreadRequest::Append { events, condition, tracking_info, response_tx, cancel };
        self.requests.blocking_send(append).ok().context("the writer is gone")?;
        self.answers.push_back(answer);
        Ok(())
    }

    fn reap(&mut self) -> Result<usize> {
        let oldest = self.answers.pop_front().context("nothing is on its way")?;
        oldest.blocking_recv()??;
        let mut answered = 1;
        while let Some(next) = self.answers.front_mut()
            && let Ok(result) = next.try_recv()
        {
            result?;
            self.answers.pop_front();
            answered += 1;
        }
        Ok(answered)
    }
}
