//! An order flow that can be run round and round: each time under ids of its own.

use anyhow::ensure;
use hotledger::{Aggregate, Context, Timestamp};
use hotledger_domains::exchange::lobster::Message;
use hotledger_domains::exchange::replay::step;
use hotledger_domains::exchange::{Book, Command, OrderId, Refusal, Side};

/// The lower half of all ids belongs to the messages, the upper half to the orders that we send
/// to execute them.
const LOWER_HALF: OrderId = OrderId::MAX / 2;

/// How often ids can be made fresh at least.
const ROUNDS_MIN: u64 = 1 << 20;

/// The messages of one round as commands, and what a book makes of them.
///
/// A round begins and ends with an empty book: what still rests at the end is cancelled, so that
/// no order of a round meets one of the round before.
#[derive(Default)]
pub(super) struct Reel {
    commands: Vec<Command>,
    /// Messages that say nothing about the visible book and are left out.
    pub(super) left_out: u64,
    /// Cancellations at the end.
    pub(super) closing: u64,
    /// Commands of a round that the book refuses: their orders rested there before the recording.
    pub(super) refused: u64,
    /// Events of a round.
    pub(super) events: u64,
    /// From one round's ids to those of the next.
    span: OrderId,
    /// What the messages have made of an empty book so far.
    book: Book,
}

impl Reel {
    /// Takes up messages until there are no more, and closes the book.
    pub(super) fn of<E>(messages: impl Iterator<Item = Result<Message, E>>) -> anyhow::Result<Self>
    where
        anyhow::Error: From<E>,
    {
        let mut reel = Self::default();
        for message in messages {
            match step(&message?) {
                Some(step) => reel.take_up(step.command),
                None => reel.left_out += 1,
            }
        }
        ensure!(!reel.commands.is_empty(), "there is no order message");
        reel.close();
        let rooms = (LOWER_HALF - 1) / reel.span;
        ensure!(rooms >= ROUNDS_MIN, "order ids of up to {} leave no fresh ones", reel.span);
        Ok(reel)
    }

    fn take_up(&mut self, command: Command) {
        self.span = self.span.max((order(&command) & LOWER_HALF) + 1);
        match apply(&mut self.book, command.clone()) {
            Ok(events) => self.events += events,
            Err(_) => self.refused += 1,
        }
        self.commands.push(command);
    }

    fn close(&mut self) {
        let resting = [Side::Buy, Side::Sell].into_iter().flat_map(|side| self.book.queue(side));
        let orders: Vec<_> = resting.map(|resting| resting.order).collect();
        self.closing = orders.len() as u64;
        orders.into_iter().for_each(|order| self.take_up(Command::Cancel { order }));
        assert!(self.book.is_empty(), "everything that rests can be cancelled");
    }

    /// How many commands there are in a round.
    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    /// One of them, under the ids of this round.
    pub(super) fn command(&self, index: usize, round: u64) -> Command {
        let shift = (self.span.checked_mul(round))
            .filter(|shift| *shift <= LOWER_HALF - self.span)
            .expect("a bench ends before all ids are used up");
        shifted(&self.commands[index], shift)
    }
}

/// Lets a book do what a command asks for; how many events that takes.
pub(super) fn apply(book: &mut Book, command: Command) -> Result<u64, Refusal> {
    let mut cx = Context::new(Timestamp(0));
    book.decide(command, &mut cx)?;
    cx.recorded().iter().for_each(|event| book.evolve(event));
    Ok(cx.recorded().len() as u64)
}

const fn order(command: &Command) -> OrderId {
    match command {
        Command::Limit { order, .. }
        | Command::Market { order, .. }
        | Command::Cancel { order }
        | Command::Reduce { order, .. }
        | Command::Replace { order, .. } => *order,
    }
}

fn shifted(command: &Command, by: OrderId) -> Command {
    let mut command = command.clone();
    match &mut command {
        Command::Limit { order, .. }
        | Command::Market { order, .. }
        | Command::Cancel { order }
        | Command::Reduce { order, .. }
        | Command::Replace { order, .. } => *order += by,
    }
    command
}

#[cfg(test)]
mod tests {
    use hotledger_domains::exchange::lobster::messages;

    use super::*;

    /// Two orders, half of the first is executed, one nobody knows is deleted, a hidden one is
    /// executed.
    const MESSAGES: &str = "1,1,7,10,100,1\n2,1,9,10,101,-1\n3,4,7,5,100,1\n\
                            4,3,3,10,100,1\n5,5,0,3,100,1\n";

    fn reel() -> Reel {
        Reel::of(messages(MESSAGES.as_bytes())).unwrap()
    }

    #[test]
    fn a_round_ends_with_an_empty_book() {
        let reel = reel();
        assert_eq!((reel.len(), reel.closing, reel.left_out), (6, 2, 1));
        assert_eq!((reel.refused, reel.events), (1, 6));
        assert_eq!(reel.commands[4..], [7, 9].map(|order| Command::Cancel { order }));
    }

    #[test]
    fn each_round_does_the_same_under_ids_of_its_own() {
        let (reel, mut book) = (reel(), Book::default());
        let mut submitted = std::collections::HashSet::new();
        for round in [0, 1, 2, 77_777] {
            let (mut refused, mut events) = (0, 0);
            for index in 0..reel.len() {
                let command = reel.command(index, round);
                if let Command::Limit { order, .. } = command {
                    assert!(submitted.insert(order), "{order} is not fresh in round {round}");
                }
                match apply(&mut book, command) {
                    Ok(count) => events += count,
                    Err(refusal) => {
                        assert!(matches!(refusal, Refusal::UnknownOrder { .. }));
                        refused += 1;
                    }
                }
            }
            assert_eq!((refused, events), (reel.refused, reel.events));
            assert!(book.is_empty());
        }
    }

    #[test]
    fn ids_that_leave_no_fresh_ones_are_refused() {
        let text = format!("1,1,{},10,100,1\n", u64::MAX / 2);
        let error = Reel::of(messages(text.as_bytes())).err().unwrap();
        assert!(error.to_string().contains("leave no fresh ones"), "{error}");
        assert!(Reel::of(messages(&b""[..])).is_err());
    }
}
