//! The workload of the exchange: recorded or made-up order flow into one book or several.

mod reel;
mod synthetic;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use hotledger::{Engine, Request};
use hotledger_domains::exchange::{
    Book, Command, OrderId, Refusal, Side, Symbol, SymbolError, lobster,
};

use self::reel::Reel;
use super::workload::{Stream, Workload, pass};
use crate::exit::Failure;
use crate::out;

/// The order that asks whether anything rests in a book. No message has its id.
const PROBE: OrderId = OrderId::MAX;

/// Order messages over a number of books.
pub(super) struct Exchange {
    symbol: Symbol,
    reel: Arc<Reel>,
    clients: usize,
    books: Vec<Symbol>,
}

/// What one client sends: each message to each of its books, round after round.
pub(super) struct OrderFlow {
    reel: Arc<Reel>,
    books: Vec<OwnBook>,
    /// The next message, and the book it goes to next.
    message: usize,
    book: usize,
    round: u64,
}

/// A book that only one client sends to.
struct OwnBook {
    symbol: Symbol,
    /// Its version before the first round.
    version: u64,
}

impl Exchange {
    /// The flow of this file, or one that is made up, to so many books; one a client if not given.
    pub(super) fn open(
        file: Option<&Path>,
        books: Option<u32>,
        clients: u32,
    ) -> anyhow::Result<Self> {
        let books = books.unwrap_or(clients);
        if books < clients {
            let few = format!("{clients} clients need as many books: --aggregates {clients}");
            return Err(Failure::Usage(few).into());
        }
        let (symbol, reel) = match file {
            None => ("MADE-UP".parse()?, Reel::of(synthetic::messages())?),
            Some(file) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                (lobster::symbol(&name).map_err(Failure::from)?, read(file)?)
            }
        };
        let (reel, books) = (Arc::new(reel), symbols(symbol, books)?);
        Ok(Self { symbol, reel, clients: clients as usize, books })
    }
}

/// What so many books are called.
fn symbols(symbol: Symbol, books: u32) -> anyhow::Result<Vec<Symbol>> {
    if books == 1 {
        return Ok(vec![symbol]);
    }
    let numbered = (0..books).map(|book| format!("{symbol}-{book}").parse());
    let symbols: Result<_, SymbolError> = numbered.collect();
    symbols.map_err(|error| Failure::Usage(format!("too many books: {error}")).into())
}

fn read(file: &Path) -> anyhow::Result<Reel> {
    let failed = || format!("cannot read {}", file.display());
    let input = BufReader::new(File::open(file).with_context(failed)?);
    let messages = lobster::messages(input).map(|message| message.map_err(Failure::from));
    Reel::of(messages).with_context(failed)
}

impl Workload for Exchange {
    type Kind = Book;
    type Stream = OrderFlow;

    fn name(&self) -> String {
        let Reel { closing, refused, left_out, .. } = &*self.reel;
        let commands = self.reel.len() as u64;
        format!(
            "order flow of {}{}: {} order messages a round, each a command ({} cancel what rests \
             at the end, {:.2} % are refused, {} about hidden orders are left out)",
            self.symbol,
            if self.books.len() == 1 {
                " into one book"
            } else {
                " into each of several books in turn"
            },
            out::grouped(commands),
            out::grouped(*closing),
            percent(*refused, commands),
            out::grouped(*left_out),
        )
    }

    fn aggregates(&self) -> u64 {
        self.books.len() as u64
    }

    fn stream(&self, client: u64) -> OrderFlow {
        let own = self.books.iter().skip(client as usize).step_by(self.clients);
        OrderFlow {
            reel: Arc::clone(&self.reel),
            books: own.map(|&symbol| OwnBook { symbol, version: 0 }).collect(),
            message: 0,
            book: 0,
            round: 0,
        }
    }

    fn prepare(&self, engine: &Engine, streams: &mut [OrderFlow]) -> anyhow::Result<()> {
        for book in streams.iter_mut().flat_map(|flow| &mut flow.books) {
            book.version = version_when_empty(engine, book.symbol)?;
        }
        Ok(())
    }

    fn sample(&self) -> u64 {
        self.reel.len() as u64
    }

    fn foresees(refusal: &Refusal) -> bool {
        matches!(refusal, Refusal::UnknownOrder { .. })
    }

    /// Runs every round to its end: then each book is empty again and has had as many events, and
    /// all of them together as many refusals, as the reel makes.
    fn prove(&self, engine: &Engine, streams: &mut [OrderFlow]) -> anyhow::Result<Option<String>> {
        let mut rounds = 0;
        for flow in streams.iter_mut() {
            let left = flow.left_in_round();
            pass::<Self>(engine, flow, left)?;
            for &OwnBook { symbol, version } in &flow.books {
                let events = version_when_empty(engine, symbol)? - version - PROBE_EVENTS;
                let expected = flow.round * self.reel.events;
                ensure!(events == expected, "{symbol} has {events} events and not {expected}");
            }
            rounds += flow.round * flow.books.len() as u64;
        }
        let answers = engine.stats().answers;
        let expected = rounds * self.reel.refused;
        let refused = answers.refused;
        ensure!(refused == expected, "{refused} messages were refused and not {expected}");
        let (position, digest) = engine.digest()?;
        Ok(Some(format!(
            "{} rounds in all, {} messages accepted and {} refused{}; {} empty again and had the \
             events that so many rounds make; digest {digest} at position {position}",
            out::grouped(rounds),
            out::grouped(rounds * self.reel.len() as u64 - refused),
            out::grouped(refused),
            if refused > 0 { " (their orders are older than the recording)" } else { "" },
            if self.books.len() == 1 { "the book is" } else { "all books are" },
        )))
    }
}

impl OrderFlow {
    /// Messages until all books have had a whole round.
    fn left_in_round(&self) -> u64 {
        let books = self.books.len();
        let done = self.message * books + self.book;
        (self.reel.len() * books - done) as u64 * u64::from(done > 0)
    }
}

impl Stream<Book> for OrderFlow {
    fn next(&mut self) -> Request<Book> {
        let command = self.reel.command(self.message, self.round);
        let symbol = self.books[self.book].symbol;
        self.book += 1;
        if self.book == self.books.len() {
            self.book = 0;
            self.message += 1;
        }
        if self.message == self.reel.len() {
            self.message = 0;
            self.round += 1;
        }
        Request::new(symbol, command)
    }
}

/// Events that [`version_when_empty`] leaves.
const PROBE_EVENTS: u64 = 4;

/// Asks a book for one share of each side: where nothing rests, each order is accepted and
/// expires, and there is no trade. The version after that.
fn version_when_empty(engine: &Engine, symbol: Symbol) -> anyhow::Result<u64> {
    let mut version = 0;
    for side in [Side::Buy, Side::Sell] {
        let order = Command::Market { order: PROBE, side, size: 1 };
        let receipt = engine.aggregate::<Book>(symbol).execute(order).wait()?;
        ensure!(receipt.events == 2, "orders rest in the book of {symbol} that should be empty");
        version = receipt.version.0;
    }
    Ok(version)
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
