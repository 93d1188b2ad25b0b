//! `hotledger exchange replay`: recorded NASDAQ order flow through the matching engine.

mod flow;
mod report;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use hotledger::{At, Delivery, Engine, OpenError, Position};
use hotledger_domains::exchange::replay::{Judge, Step, step};
use hotledger_domains::exchange::{Book, Event, Symbol, lobster};
use hotledger_journal as journal;

use self::flow::{Flow, Passed};
use self::report::Report;
use crate::args::{ReplayArgs, snapshot_policy};
use crate::exit::Failure;
use crate::kinds;

/// The steps of a file, understood before the first command is sent.
struct Recording {
    symbol: Symbol,
    messages: u64,
    steps: Vec<Step>,
}

/// Runs the command.
pub(crate) fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    // 1. The whole file is understood first: a bad line must not leave half a book behind.
    let recording = read(&args.file)?;
    // 2. A book that is there already is looked at read-only, and left alone.
    refuse_a_second_book(args, recording.symbol)?;
    // 3. Commands through a session, as fast as it takes them.
    let engine = open_engine(args)?;
    let before = engine.position();
    let started = Instant::now();
    let passed = Flow::new(&engine, &recording, args.in_flight as usize)?.run()?;
    let elapsed = started.elapsed();
    // 4. Our book's own events are compared with the recording.
    let judged = judge(&engine, &recording, before, &passed)?;
    // 5. The digest of the live state, then a clean end.
    let (position, digest) = engine.digest()?;
    engine.close()?;
    Report::new(args, &recording, &passed, &judged, elapsed, (position, digest)).print(args.output)
}

fn read(file: &Path) -> anyhow::Result<Recording> {
    let failed = || format!("cannot read {}", file.display());
    let input = BufReader::new(File::open(file).with_context(failed)?);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let symbol = lobster::symbol(&name).map_err(Failure::from)?;
    let mut recording = Recording { symbol, messages: 0, steps: Vec::new() };
    for message in lobster::messages(input) {
        let message = message.map_err(Failure::from).with_context(failed)?;
        recording.messages += 1;
        recording.steps.extend(step(&message));
    }
    Ok(recording)
}

fn refuse_a_second_book(args: &ReplayArgs, symbol: Symbol) -> anyhow::Result<()> {
    let directory = args.data.display();
    let failed = || format!("cannot read {directory}");
    let archive = match kinds::register(Engine::builder(&args.data)).open_read_only() {
        Err(OpenError::Journal(journal::Error::Missing)) => return Ok(()),
        archive => archive.with_context(failed)?,
    };
    let found = archive.as_of(At::Latest).aggregate::<Book>(&symbol);
    match found.with_context(failed)? {
        None => Ok(()),
        Some(book) => Err(Failure::InTheWay(format!(
            "{directory} already holds a book for {symbol} at version {}; \
             replay into another directory",
            book.version
        ))
        .into()),
    }
}

fn open_engine(args: &ReplayArgs) -> anyhow::Result<Engine> {
    kinds::register(Engine::builder(&args.data))
        .durability(args.durability.into())
        .snapshots(snapshot_policy(args.snapshot_every))
        .open()
        .with_context(|| format!("cannot open {}", args.data.display()))
}

/// What the book did.
struct Judged {
    trades: u64,
    compared: u64,
    exact: u64,
}

/// Reads the events of the commands that were committed, and only those.
fn judge(
    engine: &Engine,
    recording: &Recording,
    before: Position,
    passed: &Passed,
) -> anyhow::Result<Judged> {
    let mut judge = Judge::new();
    for (step, committed) in recording.steps.iter().zip(&passed.committed) {
        if let Some(expectation) = step.expectation.filter(|_| *committed) {
            judge.expect(expectation);
        }
    }
    let mut trades = 0;
    if passed.last > before {
        // Everything up to the last receipt is durable, so this comes to an end.
        for delivery in engine.subscribe_to::<Book>(recording.symbol, before) {
            let Delivery::Event(recorded) = delivery? else { continue };
            trades += u64::from(matches!(recorded.event, Event::Traded { .. }));
            judge.observe(&recorded.event);
            if recorded.position >= passed.last {
                break;
            }
        }
    }
    let fidelity = judge.fidelity();
    Ok(Judged { trades, compared: fidelity.compared, exact: fidelity.exact })
}
