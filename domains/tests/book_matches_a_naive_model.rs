//! Over any commands the book decides as a plain list of orders does, sorted by hand.

use std::cmp::Reverse;

use hotledger::{Aggregate, Context, Timestamp};
use hotledger_domains::exchange::{
    Book, Command, Event, Levels, OrderId, Price, Refusal, Resting, Side, Size, TimeInForce,
};
use proptest::prelude::*;

/// The resting orders in the order of their arrival, and nothing else.
#[derive(Default)]
struct Model {
    resting: Vec<Resting>,
}

type Trade = (OrderId, OrderId, Price, Size);

impl Model {
    /// Carries a command out at once; the trades it led to.
    fn execute(&mut self, command: &Command) -> Result<Vec<Trade>, Refusal> {
        match *command {
            Command::Limit { order, side, price, size, time_in_force } => {
                self.check_new(order, size)?;
                self.check_condition(side, price, size, time_in_force)?;
                let rests =
                    matches!(time_in_force, TimeInForce::GoodTillCancelled | TimeInForce::PostOnly);
                self.arrive(order, side, Some(price), size, rests)
            }
            Command::Market { order, side, size } => {
                self.check_new(order, size)?;
                self.arrive(order, side, None, size, false)
            }
            Command::Cancel { order } => {
                let index = self.find(order)?;
                self.resting.remove(index);
                Ok(vec![])
            }
            Command::Reduce { order, by } => {
                let index = self.find(order)?;
                check_size(by)?;
                self.resting[index].size = self.resting[index].size.saturating_sub(by);
                self.resting.retain(|resting| resting.size > 0);
                Ok(vec![])
            }
            Command::Replace { order, price, size } => {
                let index = self.find(order)?;
                check_size(size)?;
                let old = &mut self.resting[index];
                if old.price == price && size <= old.size {
                    old.size = size;
                    return Ok(vec![]);
                }
                let old = self.resting.remove(index);
                let replaced = self.arrive(order, old.side, Some(price), size, true);
                if replaced.is_err() {
                    self.resting.insert(index, old);
                }
                replaced
            }
        }
    }

    fn arrive(
        &mut self,
        order: OrderId,
        side: Side,
        limit: Option<Price>,
        size: Size,
        rests: bool,
    ) -> Result<Vec<Trade>, Refusal> {
        let (mut left, mut trades) = (size, vec![]);
        for maker in self.makers(side, limit) {
            let size = left.min(maker.size);
            if size > 0 {
                trades.push((maker.order, order, maker.price, size));
                left -= size;
            }
        }
        if let (true, Some(price), 1..) = (rests, limit, left) {
            let total = self.total(side, price);
            if total.checked_add(left).is_none() {
                return Err(Refusal::LevelOverflow { price, total, size: left });
            }
            self.resting.push(Resting { order, side, price, size: left });
        }
        for &(maker, _, _, size) in &trades {
            let index = self.find(maker)?;
            self.resting[index].size -= size;
        }
        self.resting.retain(|resting| resting.size > 0);
        Ok(trades)
    }

    /// The orders that one of this side may trade with, in priority.
    fn makers(&self, taker: Side, limit: Option<Price>) -> Vec<Resting> {
        let mut makers = self.queue(taker.opposite());
        makers.retain(|maker| match (taker, limit) {
            (_, None) => true,
            (Side::Buy, Some(limit)) => maker.price <= limit,
            (Side::Sell, Some(limit)) => maker.price >= limit,
        });
        makers
    }

    fn queue(&self, side: Side) -> Vec<Resting> {
        let mut queue: Vec<_> = self.resting.iter().filter(|o| o.side == side).copied().collect();
        match side {
            Side::Buy => queue.sort_by_key(|resting| Reverse(resting.price)),
            Side::Sell => queue.sort_by_key(|resting| resting.price),
        }
        queue
    }

    fn total(&self, side: Side, price: Price) -> Size {
        self.queue(side).iter().filter(|o| o.price == price).map(|o| o.size).sum()
    }

    fn find(&self, order: OrderId) -> Result<usize, Refusal> {
        let index = self.resting.iter().position(|resting| resting.order == order);
        index.ok_or(Refusal::UnknownOrder { order })
    }

    fn check_new(&self, order: OrderId, size: Size) -> Result<(), Refusal> {
        check_size(size)?;
        match self.find(order) {
            Ok(_) => Err(Refusal::DuplicateOrder { order }),
            Err(_) => Ok(()),
        }
    }

    fn check_condition(
        &self,
        side: Side,
        price: Price,
        size: Size,
        time_in_force: TimeInForce,
    ) -> Result<(), Refusal> {
        let makers = self.makers(side, Some(price));
        let available = makers.iter().fold(0, |sum: Size, maker| sum.saturating_add(maker.size));
        match (time_in_force, makers.first()) {
            (TimeInForce::PostOnly, Some(best)) => {
                Err(Refusal::WouldCross { price, best: best.price })
            }
            (TimeInForce::FillOrKill, _) if available < size => {
                Err(Refusal::CannotFill { size, available })
            }
            _ => Ok(()),
        }
    }
}

fn check_size(size: Size) -> Result<(), Refusal> {
    if size == 0 { Err(Refusal::ZeroSize) } else { Ok(()) }
}

/// Decides and evolves as the engine does.
fn execute(book: &mut Book, command: Command) -> Result<Vec<Event>, Refusal> {
    let mut cx = Context::new(Timestamp(0));
    book.decide(command, &mut cx)?;
    for event in cx.recorded() {
        book.evolve(event);
        assert_not_crossed(book);
    }
    Ok(cx.recorded().to_vec())
}

fn assert_not_crossed(book: &Book) {
    if let (Some(bid), Some(ask)) = (book.best(Side::Buy), book.best(Side::Sell)) {
        assert!(bid.price < ask.price, "crossed: {bid:?} {ask:?}");
    }
}

fn assert_levels_add_up(book: &Book, levels: &Levels) {
    for side in [Side::Buy, Side::Sell] {
        for quote in book.depth(side) {
            let at_price = book.queue(side).filter(|resting| resting.price == quote.price);
            assert_eq!(at_price.map(|resting| resting.size).sum::<Size>(), quote.size);
        }
    }
    assert!(levels.bids().eq(book.depth(Side::Buy)));
    assert!(levels.asks().eq(book.depth(Side::Sell)));
}

fn trades(events: &[Event]) -> Vec<Trade> {
    let trade = |event: &Event| match *event {
        Event::Traded { maker, taker, price, size, .. } => Some((maker, taker, price, size)),
        _ => None,
    };
    events.iter().filter_map(trade).collect()
}

fn bytes(book: &Book) -> Vec<u8> {
    rmp_serde::to_vec_named(book).unwrap()
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn any_time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        5 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        1 => Just(TimeInForce::PostOnly),
    ]
}

/// Few ids, prices and sizes, so that orders meet; now and then the greatest ones.
fn any_command() -> impl Strategy<Value = Command> {
    let order = 0..24_u64;
    let price = prop_oneof![40 => -4..5_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let size = prop_oneof![40 => 0..10_u64, 1 => Just(u64::MAX)];
    let terms = (order.clone(), any_side(), price.clone(), size.clone());
    prop_oneof![
        6 => (terms, any_time_in_force()).prop_map(|((order, side, price, size), time_in_force)| {
            Command::Limit { order, side, price, size, time_in_force }
        }),
        1 => (order.clone(), any_side(), size.clone())
            .prop_map(|(order, side, size)| Command::Market { order, side, size }),
        1 => order.clone().prop_map(|order| Command::Cancel { order }),
        1 => (order.clone(), size.clone()).prop_map(|(order, by)| Command::Reduce { order, by }),
        2 => (order, price, size)
            .prop_map(|(order, price, size)| Command::Replace { order, price, size }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_book_decides_as_the_model_does(
        commands in prop::collection::vec(any_command(), 1..120),
    ) {
        let (mut book, mut model, mut levels) =
            (Book::default(), Model::default(), Levels::default());
        for command in commands {
            let expected = model.execute(&command);
            let before = bytes(&book);
            let events = execute(&mut book, command);
            match &events {
                Ok(events) => events.iter().for_each(|event| levels.apply(event)),
                Err(_) => prop_assert_eq!(before, bytes(&book)),
            }
            prop_assert_eq!(events.map(|events| trades(&events)), expected);
            for side in [Side::Buy, Side::Sell] {
                prop_assert_eq!(book.queue(side).collect::<Vec<_>>(), model.queue(side));
            }
            prop_assert_eq!(book.len(), model.resting.len());
            assert_levels_add_up(&book, &levels);
        }
    }

    #[test]
    fn a_book_that_was_written_and_read_goes_on_as_if_it_had_not_been(
        commands in prop::collection::vec((any_command(), any::<bool>()), 1..120),
    ) {
        let (mut kept, mut read) = (Book::default(), Book::default());
        for (command, write) in commands {
            if write {
                read = rmp_serde::from_slice(&bytes(&read)).unwrap();
            }
            prop_assert_eq!(execute(&mut kept, command.clone()), execute(&mut read, command));
            prop_assert_eq!(bytes(&kept), bytes(&read));
            prop_assert_eq!(&kept, &read);
        }
        let json = serde_json::to_vec(&kept).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Book>(&json).unwrap(), kept);
    }
}
