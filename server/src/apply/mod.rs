//! `hotledger apply`: commands in, one JSON answer each as soon as it is durable.

mod answer;
#[cfg(test)]
mod hostile;
mod lines;
mod order;
mod printer;
mod reader;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use crossbeam_channel::{Sender, bounded};
use hotledger::{Engine, HaltReason};

use self::printer::{Ending, Printer};
use self::reader::{Item, Reader};
use crate::args::{ApplyArgs, snapshot_policy};
use crate::exit::Failure;
use crate::{kinds, out};

/// Answers that may wait to be printed, and with that the commands on their way.
const IN_FLIGHT_MAX: usize = 4_096;

/// Room in the engine's mailbox: more than can ever be on its way, so none is turned away.
const MAILBOX_MAX: usize = 2 * IN_FLIGHT_MAX;

/// Runs the command.
pub(crate) fn run(args: &ApplyArgs) -> anyhow::Result<()> {
    // 1. The input is opened first: a wrong name must not create a directory.
    let input = open_input(&args.file)?;
    // 2. The engine recovers.
    let engine = Arc::new(open_engine(args)?);
    // 3. A thread reads, understands and submits; it holds no engine that outlives this function.
    let (items, answers) = bounded(IN_FLIGHT_MAX);
    stop_on_signal(items.clone())?;
    let reader = Reader::new(Arc::downgrade(&engine), items);
    std::thread::Builder::new().name("reader".to_owned()).spawn(move || reader.run(input))?;
    // 4. This thread waits for the answers in order and prints them.
    let ending = Printer::new(out::stdout()).print_all(&answers);
    // 5. The engine closes whatever happened; the reader finds it gone and ends.
    let closed = close(engine);
    end(ending?, closed)
}

fn open_engine(args: &ApplyArgs) -> anyhow::Result<Engine> {
    kinds::register(Engine::builder(&args.data))
        .durability(args.durability.into())
        .snapshots(snapshot_policy(args.snapshot_every))
        .mailbox_commands_max(MAILBOX_MAX)
        .open()
        .with_context(|| format!("cannot open {}", args.data.display()))
}

fn open_input(file: &Path) -> anyhow::Result<Box<dyn BufRead + Send>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(64 << 10, io::stdin())));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Box::new(BufReader::with_capacity(64 << 10, opened)))
}

/// Ctrl-C stops the stream behind what was read so far; everything before it is answered.
fn stop_on_signal(items: Sender<Item>) -> anyhow::Result<()> {
    ctrlc::set_handler(move || {
        // The printer may be gone already; then there is nothing left to stop.
        let _ = items.send(Item::Stop);
    })
    .context("cannot handle signals")
}

/// Closes the engine once the reader has let go of it, which takes it one command.
fn close(engine: Arc<Engine>) -> Result<(), HaltReason> {
    let mut engine = engine;
    loop {
        match Arc::try_unwrap(engine) {
            Ok(engine) => return engine.close(),
            Err(still_used) => engine = still_used,
        }
        std::thread::yield_now();
    }
}

fn end(ending: Ending, closed: Result<(), HaltReason>) -> anyhow::Result<()> {
    match ending {
        Ending::Input => Ok(closed?),
        Ending::Unreadable(error) => Err(error).context("cannot read the commands"),
        Ending::Signal => Err(Failure::Interrupted.into()),
        Ending::Halted => Err(Failure::Halted.into()),
        Ending::Closed => Err(Failure::AnswersLost.into()),
    }
}
