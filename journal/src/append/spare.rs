//! The next segment file, made ahead of need: as long as it will be and all zeros, synced, its name
//! durable, and open.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::{
    disk::{Access, AlignedBuffer, Disk, DiskFile},
    durability::Durability,
    error::Error,
    limits::{BLOCK_BYTES, FILL_AT_EASE_BYTES, FILL_BYTES, LARGE_BATCH_BYTES, SEGMENT_BYTES_MIN},
    options::{Fill, Options},
    record::segment_name,
};

/// A prepared segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spare {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
}

/// What a segment file holds before anything of the journal is in it. It reads as zeros either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Zeros that were written.
    Zeros,
    /// Nothing: its room is set aside. Zeros where the file system cannot do that.
    Reserved,
}

impl Ground {
    /// After batches of this length on average, 0 where there was none.
    pub(crate) fn after(batch_bytes_mean: u64, options: &Options, disk: &dyn Disk) -> Ground {
        let is_synced = options.durability.min(disk.durability()) == Durability::Synced;
        let gains = is_synced && batch_bytes_mean < LARGE_BATCH_BYTES;
        match options.fill {
            Fill::Always => Ground::Zeros,
            Fill::ForSmallBatches if gains => Ground::Zeros,
            Fill::ForSmallBatches | Fill::Never => Ground::Reserved,
        }
    }
}

/// How a file is filled.
pub(crate) enum Pace<'a> {
    /// Somebody waits for it.
    AtOnce,
    /// In small pieces, with a call after each that says what part is filled.
    AtEase(&'a mut dyn FnMut(Part)),
}

/// How much of a segment is filled, or used, in parts of 1,024.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Part(u64);

impl Part {
    fn of(bytes: u64, whole: u64) -> Part {
        Part(bytes * 1_024 / whole.max(1))
    }
}

/// The spare shared by the writer that takes it and the thread that makes it. The lock is held
/// while one is made: a writer in need then waits for the rest of it.
pub(super) struct Spares {
    disk: Arc<dyn Disk>,
    durability: Durability,
    /// A writer waits for the spare: nobody rests while it is made.
    urgent: AtomicBool,
    /// What part of the segment before it is used.
    used: AtomicU64,
    state: Mutex<State>,
}

struct State {
    wanted: Spare,
    ground: Ground,
    made: bool,
    /// Open for journal writes: a roll that found no descriptor left would fail behind its
    /// footer, where it can no longer be refused.
    file: Option<Arc<dyn DiskFile>>,
    /// Whether a preparer tries again and again, so that nobody else has to.
    attended: bool,
    /// Why the last try failed.
    failed: Option<Error>,
}

impl Spares {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        durability: Durability,
        wanted: Spare,
        ground: Ground,
        made: bool,
    ) -> Spares {
        let (urgent, used) = (AtomicBool::new(false), AtomicU64::new(0));
        let state = Mutex::new(State::new(wanted, ground, made));
        Spares { disk, durability, urgent, used, state }
    }

    /// The writer has come so far in the segment before the spare.
    #[inline]
    pub(super) fn note_used(&self, bytes: u64, whole: u64) {
        self.used.store(Part::of(bytes, whole).0, Ordering::Relaxed);
    }

    /// Whether there is time to rest: nobody waits, and the next segment is filled so fast that it
    /// is ready, sync included, when seven eighths of this one are used.
    fn is_ahead(&self, filled: Part) -> bool {
        let used = self.used.load(Ordering::Relaxed);
        !self.urgent.load(Ordering::Relaxed) && filled.0 * 7 >= used * 8
    }

    /// Makes and opens the wanted spare unless that is done.
    fn prepare(&self, pace: Pace<'_>) -> Result<bool, Error> {
        let mut state = self.state();
        if state.file.is_some() {
            return Ok(false);
        }
        let prepared = self.make_and_open(&mut state, pace).map_err(Error::of_preparing);
        say(state.failed.as_ref(), prepared.as_ref().err(), state.wanted.number);
        state.failed = prepared.as_ref().err().cloned();
        state.file = Some(prepared?);
        Ok(true)
    }

    fn make_and_open(&self, state: &mut State, pace: Pace<'_>) -> Result<Arc<dyn DiskFile>, Error> {
        if !state.made {
            make_spare(self.disk.as_ref(), state.wanted, state.ground, pace)?;
            state.made = true;
        }
        let Spare { number, bytes } = state.wanted;
        let file = commit_file(self.disk.as_ref(), self.durability, number)?;
        // Nobody else writes here, yet a header must never promise more than there is.
        state.made = file.bytes().is_ok_and(|found| found == bytes);
        if state.made {
            return Ok(file);
        }
        let source = Arc::new(std::io::Error::other("not as long as it was made"));
        Err(Error::Io { what: format!("open {}", segment_name(number)), source })
    }

    /// The spare and its file, made now where nobody made it before. It stays wanted until it is
    /// used.
    ///
    /// Where a preparer failed and tries again, its answer is passed on at once: on a full disk
    /// every command would otherwise pay for another try.
    ///
    /// # Errors
    /// [`Error::Full`] and [`Error::NotPrepared`]; nothing of the journal was touched.
    pub(super) fn ready(&self) -> Result<(Spare, Arc<dyn DiskFile>), Error> {
        self.urgent.store(true, Ordering::Relaxed);
        let ready = self.make_ready();
        self.urgent.store(false, Ordering::Relaxed);
        ready
    }

    fn make_ready(&self) -> Result<(Spare, Arc<dyn DiskFile>), Error> {
        let state = self.state();
        if let (true, Some(failed)) = (state.attended, &state.failed) {
            return Err(failed.clone());
        }
        drop(state);
        self.prepare(Pace::AtOnce)?;
        let state = self.state();
        let file = state.file.clone().expect("only who asks for a spare takes it away");
        assert!(state.failed.is_none(), "what is prepared did not fail");
        Ok((state.wanted, file))
    }

    /// The spare was used: the next one is wanted.
    pub(super) fn want(&self, wanted: Spare, ground: Ground) {
        let mut state = self.state();
        assert!(state.made && state.file.is_some(), "a spare is made before it is used");
        assert_eq!(wanted.number, state.wanted.number + 1, "segment numbers have no gap");
        let attended = state.attended;
        *state = State { attended, ..State::new(wanted, ground, false) };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(wanted: Spare, ground: Ground, made: bool) -> State {
        State { wanted, ground, made, file: None, attended: false, failed: None }
    }
}

/// Says once that there is no next segment, and once that there is again, however often it is
/// tried meanwhile.
fn say(before: Option<&Error>, now: Option<&Error>, number: u64) {
    match (before, now) {
        (None, Some(error)) => tracing::warn!(
            %error, number,
            "no next segment: once this one is used up, commands are refused until there is"
        ),
        (Some(_), None) => tracing::info!(number, "the next segment is prepared again"),
        _ => {}
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

    /// Makes and opens the next segment file unless that is done; whether it did anything.
    ///
    /// # Errors
    /// [`Error::Full`] where there is no room for it, [`Error::NotPrepared`] where anything else
    /// is in the way; nothing of it is left behind. Ask again later.
    pub fn step(&mut self) -> Result<bool, Error> {
        self.spares.prepare(Pace::AtOnce)
    }

    /// The same in small pieces, with `rest` called after each, so that journal writes find a free
    /// disk in between. Not called while a writer waits for the segment, or uses up the present one
    /// faster than the next is filled.
    ///
    /// # Errors
    /// As [`step`](Preparer::step).
    pub fn step_at_ease(&mut self, mut rest: impl FnMut()) -> Result<bool, Error> {
        let Preparer { spares } = self;
        spares.prepare(Pace::AtEase(&mut |filled| {
            if spares.is_ahead(filled) {
                rest();
            }
        }))
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.spares.state().attended = false;
    }
}

/// Makes a prepared segment.
fn make_spare(disk: &dyn Disk, spare: Spare, ground: Ground, pace: Pace<'_>) -> Result<(), Error> {
    assert!(spare.number > 1, "the first segment is made with its header");
    make_file(disk, spare.bytes, &segment_name(spare.number), ground, pace)
}

/// Puts a fresh spare in the place of a damaged one, so that there always is one.
pub(crate) fn replace_spare(disk: &dyn Disk, spare: Spare, ground: Ground) -> Result<Spare, Error> {
    assert!(spare.number > 1, "the first segment is made with its header");
    let name = segment_name(spare.number);
    let fresh = format!("{name}.fresh");
    make_file(disk, spare.bytes, &fresh, ground, Pace::AtOnce)?;
    let replaced = disk.rename(&fresh, &name).and_then(|()| disk.sync_directory());
    replaced.map_err(|error| Error::from_io(format!("replace {name}"), error))?;
    Ok(spare)
}

/// Creates, fills or reserves, and syncs a file; removes it again where that fails.
pub(super) fn make_file(
    disk: &dyn Disk,
    bytes: u64,
    name: &str,
    ground: Ground,
    pace: Pace<'_>,
) -> Result<(), Error> {
    let made = lay_out(disk, name, bytes, ground, pace);
    if made.is_err() {
        // The failure is what counts; a file left behind is replaced by the next attempt.
        let _ = disk.remove(name).and_then(|()| disk.sync_directory());
    }
    made.map_err(|error| Error::from_io(format!("create {name}"), error))
}

fn lay_out(
    disk: &dyn Disk,
    name: &str,
    bytes: u64,
    ground: Ground,
    pace: Pace<'_>,
) -> std::io::Result<()> {
    assert!(bytes >= SEGMENT_BYTES_MIN, "checked when the options were taken");
    assert!(bytes.is_multiple_of(BLOCK_BYTES as u64), "segments are whole blocks");
    let file = match disk.create(name, Access::Fill) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            disk.remove(name)?;
            disk.create(name, Access::Fill)?
        }
        created => created?,
    };
    // Its length is looked at, as there are file systems behind others that only say yes.
    let is_reserved = file.reserve(bytes)? && file.bytes()? == bytes;
    if ground == Ground::Zeros || !is_reserved {
        write_zeros(file.as_ref(), 0, bytes, pace)?;
    }
    assert_eq!(file.bytes()?, bytes, "a prepared segment has its full length");
    file.sync()?;
    disk.sync_directory()
}

/// Opens a segment for journal writes.
pub(crate) fn commit_file(
    disk: &dyn Disk,
    durability: Durability,
    number: u64,
) -> Result<Arc<dyn DiskFile>, Error> {
    let name = segment_name(number);
    disk.open(&name, Access::Commit(durability))
        .map_err(|error| Error::from_io(format!("open {name}"), error))
}

/// Writes so many zeros at a place.
pub(crate) fn write_zeros(
    file: &dyn DiskFile,
    start: u64,
    bytes: u64,
    mut pace: Pace<'_>,
) -> std::io::Result<()> {
    assert!(bytes.is_multiple_of(BLOCK_BYTES as u64), "whole blocks are written");
    let piece = match pace {
        Pace::AtOnce => FILL_BYTES,
        Pace::AtEase(_) => FILL_AT_EASE_BYTES,
    };
    let at_once = bytes.clamp(BLOCK_BYTES as u64, piece as u64);
    let mut zeros = AlignedBuffer::new(at_once as usize);
    zeros.set_filled(at_once as usize);
    let mut written = 0;
    while written < bytes {
        let count = (bytes - written).min(at_once);
        file.write_all_at(start + written, &zeros[..count as usize])?;
        written += count;
        if let Pace::AtEase(rest) = &mut pace {
            rest(Part::of(written, bytes));
        }
    }
    assert_eq!(written, bytes, "nothing was left out");
    Ok(())
}
