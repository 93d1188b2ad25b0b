//! An hour of recorded NASDAQ order flow fills the orders that NASDAQ says were filled.
//!
//! The environment variable `HOTLEDGER_LOBSTER` names a message file, or a directory that holds
//! some; without it there is nothing to read, and the test says so and passes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hotledger::{Aggregate, At, Context, Engine, Timestamp};
use hotledger_domains::exchange::lobster::messages;
use hotledger_domains::exchange::replay::{Fidelity, Judge, step};
use hotledger_domains::exchange::{Book, Levels, Side};

/// How many commands are under way at once.
const IN_FLIGHT_MAX: usize = 256;

/// What a replay came to.
struct Outcome {
    book: Book,
    fidelity: Fidelity,
    refused: BTreeMap<&'static str, u64>,
}

#[test]
fn the_orders_that_nasdaq_names_are_filled() {
    let Some(files) = message_files() else {
        println!("skipped: HOTLEDGER_LOBSTER names no message file");
        return;
    };
    for file in files {
        let Outcome { fidelity, refused, .. } = replay(&file);
        println!("{}: {fidelity:?}, refused {refused:?}", file.display());
        assert!(fidelity.compared > 0, "{} has no visible execution", file.display());
        let exact = fidelity.exact as f64 / fidelity.compared as f64;
        assert!(exact >= 0.96, "only {exact:.4} are exact");
    }
}

#[test]
fn the_same_flow_leaves_the_same_book() {
    for file in message_files().into_iter().flatten() {
        let bytes = |book: &Book| serde_json::to_vec(book).unwrap();
        assert_eq!(bytes(&replay(&file).book), bytes(&replay(&file).book));
    }
}

#[test]
fn an_engine_leaves_the_same_book() {
    for file in message_files().into_iter().flatten() {
        let engine = Engine::in_memory().aggregate::<Book>().open().unwrap();
        let mut session = engine.session::<Book>(IN_FLIGHT_MAX);
        let id = "X".parse().unwrap();
        for message in messages(BufReader::new(File::open(&file).unwrap())) {
            let Some(step) = step(&message.unwrap()) else { continue };
            if session.in_flight() == IN_FLIGHT_MAX {
                let _ = session.reap_wait();
            }
            session.submit(id, step.command).unwrap();
        }
        while session.reap_wait().is_some() {}
        let found = engine.as_of(At::Latest).aggregate::<Book>(&id).unwrap().unwrap();
        assert_eq!(found.state, replay(&file).book);
    }
}

/// Replays a file, and checks after every command that depth can be told from the events.
fn replay(file: &Path) -> Outcome {
    let (mut book, mut levels) = (Book::default(), Levels::default());
    let (mut judge, mut refused) = (Judge::new(), BTreeMap::new());
    for message in messages(BufReader::new(File::open(file).unwrap())) {
        let Some(step) = step(&message.unwrap()) else { continue };
        step.expectation.into_iter().for_each(|expectation| judge.expect(expectation));
        let mut cx = Context::new(Timestamp(0));
        if let Err(refusal) = book.decide(step.command, &mut cx) {
            *refused.entry(refusal.reason()).or_default() += 1;
            continue;
        }
        for event in cx.recorded() {
            book.evolve(event);
            levels.apply(event);
            judge.observe(event);
        }
        assert_eq!(levels.best(Side::Buy), book.best(Side::Buy));
        assert_eq!(levels.best(Side::Sell), book.best(Side::Sell));
    }
    assert!(levels.bids().eq(book.depth(Side::Buy)));
    assert!(levels.asks().eq(book.depth(Side::Sell)));
    Outcome { book, fidelity: judge.fidelity(), refused }
}

fn message_files() -> Option<Vec<PathBuf>> {
    let path = PathBuf::from(std::env::var_os("HOTLEDGER_LOBSTER")?);
    if path.is_file() {
        return Some(vec![path]);
    }
    let files = path.read_dir().expect("HOTLEDGER_LOBSTER names a file or a directory");
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    (!files.is_empty()).then_some(files)
}
