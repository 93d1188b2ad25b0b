//! The next segment file, made ahead of need: full of zeros, synced, its name durable.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    disk::{Access, AlignedBuffer, Disk},
    durability::Durability,
    error::Error,
    limits::{BLOCK_BYTES, CHUNK_BYTES, SEGMENT_BYTES_MIN},
    record::segment_name,
};

/// A prepared segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spare {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
}

/// The spare shared by the writer that takes it and the thread that makes it. The lock is held
/// while one is made: a writer in need then waits for the rest of it.
pub(super) struct Spares {
    disk: Arc<dyn Disk>,
    state: Mutex<State>,
}

struct State {
    wanted: Spare,
    made: bool,
    /// Whether a preparer tries again and again, so that nobody else has to.
    attended: bool,
    /// Why the last try failed.
    failed: Option<Error>,
}

impl Spares {
    pub(super) fn new(disk: Arc<dyn Disk>, wanted: Spare, made: bool) -> Spares {
        Spares { disk, state: Mutex::new(State::new(wanted, made)) }
    }

    /// Makes the wanted spare unless it is there.
    fn prepare(&self) -> Result<bool, Error> {
        let mut state = self.state();
        if state.made {
            return Ok(false);
        }
        let made = make_spare(self.disk.as_ref(), state.wanted);
        state.made = made.is_ok();
        state.failed = made.as_ref().err().cloned();
        made.map(|()| true)
    }

    /// The spare, made now where nobody made it before. It stays wanted until it is used.
    ///
    /// Where a preparer failed and tries again, its answer is passed on at once: on a full disk
    /// every command would otherwise pay for another try.
    pub(super) fn ready(&self) -> Result<Spare, Error> {
        let state = self.state();
        if let (true, Some(failed)) = (state.attended, &state.failed) {
            return Err(failed.clone());
        }
        drop(state);
        self.prepare()?;
        Ok(self.state().wanted)
    }

    /// The spare was used: the next one is wanted.
    pub(super) fn want(&self, wanted: Spare) {
        let mut state = self.state();
        assert!(state.made, "a spare is made before it is used");
        assert_eq!(wanted.number, state.wanted.number + 1, "segment numbers have no gap");
        let attended = state.attended;
        *state = State { attended, ..State::new(wanted, false) };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(wanted: Spare, made: bool) -> State {
        State { wanted, made, attended: false, failed: None }
    }
}

/// Makes segment files ahead of need, on a thread of its own.
pub struct Preparer {
    spares: Arc<Spares>,
}

impl Preparer {
    pub(super) fn new(spares: Arc<Spares>) -> Preparer {
        spares.state().attended = true;
        Preparer { spares }
    }

    /// Makes the next segment file where there is none; whether it made one.
    ///
    /// # Errors
    /// [`Error::Full`] where there is no room for it; nothing of it is left behind. Ask again
    /// later.
    pub fn step(&mut self) -> Result<bool, Error> {
        self.spares.prepare()
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.spares.state().attended = false;
    }
}

/// Makes a prepared segment.
fn make_spare(disk: &dyn Disk, spare: Spare) -> Result<(), Error> {
    assert!(spare.number > 1, "the first segment is made with its header");
    make_file(disk, spare.bytes, &segment_name(spare.number))
}

/// Puts a fresh spare in the place of a damaged one, so that there always is one.
pub(crate) fn replace_spare(disk: &dyn Disk, spare: Spare) -> Result<Spare, Error> {
    assert!(spare.number > 1, "the first segment is made with its header");
    let name = segment_name(spare.number);
    let fresh = format!("{name}.fresh");
    make_file(disk, spare.bytes, &fresh)?;
    let replaced = disk.rename(&fresh, &name).and_then(|()| disk.sync_directory());
    replaced.map_err(|error| Error::from_io(format!("replace {name}"), error))?;
    Ok(spare)
}

/// Creates, fills and syncs a file; removes it again where that fails.
pub(super) fn make_file(disk: &dyn Disk, bytes: u64, name: &str) -> Result<(), Error> {
    let filled = fill(disk, name, bytes);
    if filled.is_err() {
        // The failure is what counts; a file left behind is replaced by the next attempt.
        let _ = disk.remove(name).and_then(|()| disk.sync_directory());
    }
    filled.map_err(|error| Error::from_io(format!("create {name}"), error))
}

fn fill(disk: &dyn Disk, name: &str, bytes: u64) -> std::io::Result<()> {
    assert!(bytes >= SEGMENT_BYTES_MIN, "checked when the options were taken");
    assert!(bytes.is_multiple_of(BLOCK_BYTES as u64), "segments are whole blocks");
    let access = Access::Commit(Durability::Buffered);
    let file = match disk.create(name, access) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            disk.remove(name)?;
            disk.create(name, access)?
        }
        created => created?,
    };
    let mut zeros = AlignedBuffer::new(CHUNK_BYTES);
    zeros.set_filled(CHUNK_BYTES);
    let mut offset = 0;
    while offset < bytes {
        let count = (bytes - offset).min(CHUNK_BYTES as u64);
        file.write_all_at(offset, &zeros[..count as usize])?;
        offset += count;
    }
    assert_eq!(offset, bytes, "a prepared segment has its full length");
    file.sync()?;
    disk.sync_directory()
}
