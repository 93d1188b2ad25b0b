//! What runs inside a child process: the store itself.

use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::exit;

use anyhow::Result;
use clap::Args;

use crate::record::{Record, encode};
use crate::stores::{Begin, named};

/// The child's exit code when the store answered with an error.
pub(crate) const REFUSED: i32 = 65;

/// The child's exit code when any thread panicked; also what Rust takes for the main thread.
pub(crate) const PANICKED: i32 = 101;

#[derive(Args)]
pub(crate) struct AppendArgs {
    #[arg(long)]
    store: String,
    #[arg(long)]
    directory: PathBuf,
    /// Make the store first.
    #[arg(long)]
    new: bool,
    /// The first key.
    #[arg(long)]
    first: u64,
    /// How many records to append before waiting for lines, one more record for each.
    #[arg(long)]
    count: u64,
}

#[derive(Args)]
pub(crate) struct ReadArgs {
    #[arg(long)]
    store: String,
    #[arg(long)]
    directory: PathBuf,
}

/// Appends, and prints each key once its record is acknowledged. It never closes the store: when
/// its input ends, it leaves as if it had been killed.
///
/// # Errors
/// The store refused, or the pipe to the parent is broken.
pub(crate) fn append(args: &AppendArgs) -> Result<()> {
    let begin = if args.new { Begin::New } else { Begin::Existing };
    let mut store = named(&args.store)?.open(&args.directory, begin)?;
    let mut keys = args.first..;
    let mut append_next = || -> Result<()> {
        let key = keys.next().expect("keys do not run out");
        store.append(&Record::of(key))?;
        // One write, so that a kill leaves a whole line or none.
        stdout().write_all(format!("{key}\n").as_bytes())?;
        Ok(stdout().flush()?)
    };
    for _ in 0..args.count {
        append_next()?;
    }
    for line in stdin().lock().lines() {
        line?;
        append_next()?;
    }
    exit(0);
}

/// Opens the store and prints every record. Refusals and panics end the process, each with a code
/// of its own.
///
/// # Errors
/// The pipe to the parent is broken.
pub(crate) fn read(args: &ReadArgs) -> Result<()> {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        exit(PANICKED);
    }));
    let known = named(&args.store)?;
    let opened = known.open(&args.directory, Begin::Existing);
    let read = opened.and_then(|mut store| store.read_all());
    match read {
        Ok(records) => Ok(stdout().write_all(&encode(&records))?),
        Err(error) => {
            eprintln!("{error:#}");
            exit(REFUSED);
        }
    }
}
