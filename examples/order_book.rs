//! An exchange: orders through a pipelined session, trades by subscription, the top of the book.

use std::error::Error;

use hotledger::{Builder, Delivery, Engine, Position};
use hotledger_domains::exchange::{Book, Command, Event, Side, Symbol, TimeInForce, TopOfBook};

fn limit(order: u64, side: Side, price: i64, size: u64) -> Command {
    Command::Limit { order, side, price, size, time_in_force: TimeInForce::GoodTillCancelled }
}

pub(crate) fn run(builder: Builder) -> Result<(), Box<dyn Error>> {
    let symbol: Symbol = "AAPL".parse()?;
    let engine = builder.aggregate::<Book>().table::<TopOfBook, Book>().open()?;

    // Many commands under way, answers in order, nothing allocated or woken per command.
    let mut session = engine.session::<Book>(64);
    for order in 0..40 {
        let (side, price) = if order % 2 == 0 { (Side::Buy, 9_990) } else { (Side::Sell, 10_010) };
        let command = limit(order, side, price + i64::try_from(order % 5)?, 100);
        session.submit(symbol, command).map_err(|_| "more than 64 in flight")?;
    }
    let aggressor = Command::Market { order: 99, side: Side::Buy, size: 250 };
    session.submit(symbol, aggressor).map_err(|_| "more than 64 in flight")?;
    let mut last = Position::ORIGIN;
    while let Some(answer) = session.reap_wait() {
        last = answer.map_err(|error| format!("{error}"))?.position;
    }

    // Every event since the beginning, in the one order; it would go on live.
    for delivery in engine.subscribe::<Book>(Position::ORIGIN) {
        match delivery? {
            Delivery::Event(recorded) => {
                if let Event::Traded { maker, price, size, .. } = recorded.event {
                    println!("{}: order {maker} sold {size} at {price}", recorded.position);
                }
            }
            Delivery::CaughtUp(_) => break,
        }
    }

    let top = engine.table::<TopOfBook, Book>().get_after(last, &symbol)?;
    println!("{top:?}");
    Ok(engine.close()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    run(Engine::builder("order-book-data"))
}
