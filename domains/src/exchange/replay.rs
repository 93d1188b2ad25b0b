//! Recorded order flow as commands, and the judgement of what our book makes of it.
//!
//! No opening book is invented. What rested before the recording began is unknown to our book:
//! reductions and deletions of it are refused, and executions of it find somebody else or nobody.
//!
//! A recorded execution names the resting order that was filled but not the order that filled
//! it. That one is made up: an immediate-or-cancel order of the other side with the price and
//! size of the execution, under an id of our own.

use std::collections::VecDeque;

use serde::Serialize;

use super::lobster::{Message, MessageKind};
use super::{Command, Event, OrderId, Price, Size, TimeInForce};

/// What to do about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command to send.
    pub command: Command,
    /// What its events should be, where the recording tells; for [`Judge::expect`].
    pub expectation: Option<Expectation>,
}

/// One fill that NASDAQ recorded, as our book should make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The order that should be filled.
    pub maker: OrderId,
    /// The order we send to fill it.
    pub taker: OrderId,
    /// The price of the fill.
    pub price: Price,
    /// Its size.
    pub size: Size,
}

/// How closely our book followed the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fidelity {
    /// How many recorded executions were judged.
    pub compared: u64,
    /// In how many of them our book filled the order that was named, at its price, for all of the
    /// size, and no other order.
    pub exact: u64,
}

/// The step for a message; `None` for those that say nothing about the visible book.
#[must_use]
pub fn step(message: &Message) -> Option<Step> {
    let &Message { order, size, price, side, .. } = message;
    let command = match message.kind {
        MessageKind::Submission => {
            let time_in_force = TimeInForce::GoodTillCancelled;
            Command::Limit { order, side, price, size, time_in_force }
        }
        MessageKind::Reduction => Command::Reduce { order, by: size },
        MessageKind::Deletion => Command::Cancel { order },
        MessageKind::Execution => return Some(execution(message)),
        MessageKind::HiddenExecution | MessageKind::CrossTrade | MessageKind::Halt => return None,
    };
    Some(Step { command, expectation: None })
}

fn execution(message: &Message) -> Step {
    let &Message { line, order: maker, size, price, side, .. } = message;
    let taker = taker(line);
    let (side, time_in_force) = (side.opposite(), TimeInForce::ImmediateOrCancel);
    Step {
        command: Command::Limit { order: taker, side, price, size, time_in_force },
        expectation: Some(Expectation { maker, taker, price, size }),
    }
}

/// The id of the order we send for the execution in this line: from the upper half of all ids,
/// which no message has, and a different one in each line.
const fn taker(line: u64) -> OrderId {
    !(OrderId::MAX / 2) | line
}

/// Compares the events of a book with what the recording says.
///
/// Expectations and events are each given in the order of the file, an expectation before its
/// events; whether they come alternately or all expectations first makes no difference.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    expected: VecDeque<Expectation>,
    /// The fills of the first expected taker so far.
    fills: u64,
    exact_fills: u64,
    fidelity: Fidelity,
}

impl Judge {
    /// Nothing is expected and nothing judged.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up what the next execution should be.
    pub fn expect(&mut self, expectation: Expectation) {
        self.expected.push_back(expectation);
    }

    /// Takes up the next event of the book. Those of other orders do not matter.
    pub fn observe(&mut self, event: &Event) {
        let Some(&expected) = self.expected.front() else { return };
        match *event {
            Event::Traded { maker, taker, price, size, .. } if taker == expected.taker => {
                let fill = Expectation { maker, taker, price, size };
                self.fills += 1;
                self.exact_fills += u64::from(fill == expected);
            }
            Event::Accepted { order, .. } if order == expected.taker => self.close(),
            _ => {}
        }
    }

    /// What has been judged so far.
    #[must_use]
    pub const fn fidelity(&self) -> Fidelity {
        self.fidelity
    }

    /// An order is accepted after its trades, so that this is all there is to it.
    fn close(&mut self) {
        self.fidelity.compared += 1;
        self.fidelity.exact += u64::from((self.fills, self.exact_fills) == (1, 1));
        (self.fills, self.exact_fills) = (0, 0);
        self.expected.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Side;

    fn expected() -> Expectation {
        let message = Message::parse(9, "1.5,4,77,10,100,1").unwrap();
        let step = step(&message).unwrap();
        let Command::Limit { order, side: Side::Sell, price: 100, size: 10, time_in_force } =
            step.command
        else {
            panic!("{step:?}");
        };
        assert_eq!(time_in_force, TimeInForce::ImmediateOrCancel);
        assert_eq!(order, (1 << 63) + 9);
        step.expectation.unwrap()
    }

    fn judged(fills: &[(OrderId, Price, Size)]) -> Fidelity {
        let expected @ Expectation { taker, price, size, .. } = expected();
        let mut judge = Judge::new();
        judge.expect(expected);
        for &(maker, price, size) in fills {
            judge.observe(&Event::Traded { maker, taker, aggressor: Side::Sell, price, size });
        }
        let price = Some(price);
        judge.observe(&Event::Accepted { order: taker, side: Side::Sell, price, size, resting: 0 });
        judge.fidelity()
    }

    #[test]
    fn exact_is_the_named_order_alone_and_whole() {
        assert_eq!(judged(&[(77, 100, 10)]), Fidelity { compared: 1, exact: 1 });
        for fills in [&[][..], &[(78, 100, 10)], &[(77, 101, 10)], &[(77, 100, 9), (78, 100, 1)]] {
            assert_eq!(judged(fills), Fidelity { compared: 1, exact: 0 }, "{fills:?}");
        }
    }

    #[test]
    fn what_says_nothing_about_the_visible_book_is_skipped() {
        for kind in [5, 6, 7] {
            let message = Message::parse(1, &format!("1.5,{kind},0,10,100,1")).unwrap();
            assert_eq!(step(&message), None);
        }
    }
}
