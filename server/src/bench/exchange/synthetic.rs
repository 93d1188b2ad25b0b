//! An order flow that is made up: of the mix of NASDAQ's, the same one every time.

use std::convert::Infallible;

use hotledger_domains::exchange::lobster::{Message, MessageKind};
use hotledger_domains::exchange::replay::step;
use hotledger_domains::exchange::{Book, OrderId, Price, Resting, Side};

use super::reel::apply;
use crate::bench::random::Random;

/// Messages in one round.
const MESSAGES: u64 = 65_536;

/// Of a thousand messages so many submit, reduce and delete; the rest execute. These are the
/// shares in an hour of Apple's on NASDAQ.
const SUBMISSIONS: u64 = 493;
const REDUCTIONS: u64 = 5;
const DELETIONS: u64 = 457;

/// One cent, and where the first order of a side goes, in 1/10,000 of a dollar.
const TICK: Price = 100;
const FIRST_PRICE: Price = 5_850_000;

/// The messages of one round.
pub(super) fn messages() -> impl Iterator<Item = Result<Message, Infallible>> {
    let mut flow = Flow { random: Random::new(2012), book: Book::default(), orders: Vec::new() };
    (1..=MESSAGES).map(move |line| Ok(flow.next(line)))
}

/// A market: what rests in it decides what can come next.
struct Flow {
    random: Random,
    book: Book,
    /// All orders that may rest still.
    orders: Vec<OrderId>,
}

impl Flow {
    fn next(&mut self, line: u64) -> Message {
        let (kind, resting) = self.choose(line);
        let Resting { order, side, price, size } = resting;
        let message = Message { line, time_ns: line, kind, order, size, price, side };
        let step = step(&message).expect("a visible message is a step");
        apply(&mut self.book, step.command).expect("a message that is made up fits the book");
        message
    }

    fn choose(&mut self, line: u64) -> (MessageKind, Resting) {
        let chance = self.random.below(1_000);
        let kind = match chance {
            _ if self.book.is_empty() => MessageKind::Submission,
            0..SUBMISSIONS => MessageKind::Submission,
            chance if chance < SUBMISSIONS + REDUCTIONS => MessageKind::Reduction,
            chance if chance < SUBMISSIONS + REDUCTIONS + DELETIONS => MessageKind::Deletion,
            _ => MessageKind::Execution,
        };
        match kind {
            MessageKind::Submission => (kind, self.submission(line)),
            MessageKind::Reduction => (kind, self.part_of_any()),
            MessageKind::Deletion => (kind, self.any()),
            _ => (kind, self.part_of_first()),
        }
    }

    /// An order near the best price that does not cross it.
    fn submission(&mut self, order: OrderId) -> Resting {
        let side = [Side::Buy, Side::Sell][self.random.below(2) as usize];
        // Most are near, and each distance twice as great is as likely.
        let doublings = self.random.below(7);
        let ticks = (self.random.below(1 << doublings) + 1) as Price;
        let best = self.book.best(side.opposite()).map_or(FIRST_PRICE, |best| best.price);
        let away = match side {
            Side::Buy => -ticks,
            Side::Sell => ticks,
        };
        self.orders.push(order);
        let size = [100, 100, 100, self.random.below(500) + 1][self.random.below(4) as usize];
        Resting { order, side, price: best + away * TICK, size }
    }

    /// An order that rests, whichever; it is not chosen again.
    fn any(&mut self) -> Resting {
        loop {
            let chosen = self.random.below(self.orders.len() as u64) as usize;
            if let Some(resting) = self.book.order(self.orders.swap_remove(chosen)) {
                return resting;
            }
        }
    }

    fn part_of_any(&mut self) -> Resting {
        let resting = self.any();
        self.orders.push(resting.order);
        Resting { size: resting.size.div_ceil(2), ..resting }
    }

    /// The first in priority of a side: half of them whole, of the others a part.
    fn part_of_first(&mut self) -> Resting {
        let mut sides = [Side::Buy, Side::Sell];
        sides.rotate_left(self.random.below(2) as usize);
        let first = sides.into_iter().find_map(|side| self.book.queue(side).next());
        let first = first.expect("the book is not empty");
        let size = [first.size, first.size.div_ceil(2)][self.random.below(2) as usize];
        Resting { size, ..first }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reel::Reel;
    use super::*;

    #[test]
    fn it_is_the_same_every_time_and_nothing_of_it_is_refused() {
        let all = || messages().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(all(), all());
        let share = |kind| all().iter().filter(|it| it.kind == kind).count() as u64 * 1_000;
        let near = |kind, expected: u64| (share(kind) / MESSAGES).abs_diff(expected) < 10;
        assert!(near(MessageKind::Submission, SUBMISSIONS));
        assert!(near(MessageKind::Deletion, DELETIONS));
        let reel = Reel::of(messages()).unwrap();
        assert_eq!((reel.refused, reel.left_out), (0, 0));
        assert!(reel.closing * 50 < MESSAGES, "{} rest at the end", reel.closing);
    }
}
