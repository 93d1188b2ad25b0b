//! A book as one would keep it on paper: a list of orders, searched from its start every time.

use hotledger_domains::exchange::{
    Command, OrderId, Price, Refusal, Resting, Side, Size, TimeInForce,
};

/// The orders that rest, in the order they came to stand where they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sheet {
    orders: Vec<Resting>,
}

impl Sheet {
    /// Does what is asked and says how many events that is, or changes nothing.
    pub(crate) fn execute(&mut self, command: &Command) -> Result<u32, Refusal> {
        let mut tried = self.clone();
        let events = tried.attempt(command)?;
        *self = tried;
        Ok(events)
    }

    /// The orders of a side, the one that trades first in front.
    pub(crate) fn queue(&self, side: Side) -> Vec<Resting> {
        let mut queue: Vec<_> = self.orders.iter().filter(|o| o.side == side).copied().collect();
        queue.sort_by_key(rank);
        queue
    }

    fn attempt(&mut self, command: &Command) -> Result<u32, Refusal> {
        match *command {
            Command::Limit { order, side, price, size, time_in_force } => {
                self.refuse_taken(order, size)?;
                self.limit(Resting { order, side, price, size }, time_in_force)
            }
            Command::Market { order, side, size } => {
                self.refuse_taken(order, size)?;
                let (trades, left) = self.trade(side, None, size);
                Ok(trades + 1 + u32::from(left > 0))
            }
            Command::Cancel { order } => {
                let at = self.find(order)?;
                self.orders.remove(at);
                Ok(1)
            }
            Command::Reduce { order, by } => {
                let at = self.find(order)?;
                refuse_zero(by)?;
                match self.orders[at].size.checked_sub(by) {
                    None | Some(0) => drop(self.orders.remove(at)),
                    Some(left) => self.orders[at].size = left,
                }
                Ok(1)
            }
            Command::Replace { order, price, size } => self.replace(order, price, size),
        }
    }

    fn limit(&mut self, order: Resting, time_in_force: TimeInForce) -> Result<u32, Refusal> {
        let Resting { side, price, size, .. } = order;
        if let (TimeInForce::PostOnly, Some(at)) = (time_in_force, self.maker(side, Some(price))) {
            return Err(Refusal::WouldCross { price, best: self.orders[at].price });
        }
        let (trades, left) = self.trade(side, Some(price), size);
        match time_in_force {
            TimeInForce::FillOrKill if left > 0 => {
                Err(Refusal::CannotFill { size, available: size - left })
            }
            TimeInForce::FillOrKill => Ok(trades + 1),
            TimeInForce::ImmediateOrCancel => Ok(trades + 1 + u32::from(left > 0)),
            TimeInForce::GoodTillCancelled | TimeInForce::PostOnly => {
                self.rest(Resting { size: left, ..order })?;
                Ok(trades + 1)
            }
        }
    }

    fn replace(&mut self, order: OrderId, price: Price, size: Size) -> Result<u32, Refusal> {
        let at = self.find(order)?;
        refuse_zero(size)?;
        let old = self.orders[at];
        if old.price == price && size <= old.size {
            self.orders[at].size = size;
            return Ok(u32::from(size < old.size));
        }
        self.orders.remove(at);
        let (trades, left) = self.trade(old.side, Some(price), size);
        self.rest(Resting { price, size: left, ..old })?;
        Ok(trades + 1)
    }

    /// Trades until nothing is left or nobody will; how often it did, and what is left.
    fn trade(&mut self, side: Side, limit: Option<Price>, size: Size) -> (u32, Size) {
        let (mut trades, mut left) = (0, size);
        while left > 0
            && let Some(at) = self.maker(side, limit)
        {
            let size = left.min(self.orders[at].size);
            self.orders[at].size -= size;
            left -= size;
            trades += 1;
            self.orders.retain(|order| order.size > 0);
        }
        (trades, left)
    }

    /// Whoever trades first with one that comes on this side.
    fn maker(&self, taker: Side, limit: Option<Price>) -> Option<usize> {
        let willing = |maker: &Resting| match (taker, limit) {
            (_, None) => true,
            (Side::Buy, Some(limit)) => maker.price <= limit,
            (Side::Sell, Some(limit)) => maker.price >= limit,
        };
        let makers = self.orders.iter().enumerate();
        let makers = makers.filter(|(_, maker)| maker.side != taker && willing(maker));
        // Of those who rank the same, the first one: it came first.
        makers.min_by_key(|(_, maker)| rank(maker)).map(|(at, _)| at)
    }

    fn rest(&mut self, order: Resting) -> Result<(), Refusal> {
        let Resting { side, price, size, .. } = order;
        let level = self.orders.iter().filter(|o| o.side == side && o.price == price);
        let total: Size = level.map(|order| order.size).sum();
        if size > 0 {
            total.checked_add(size).ok_or(Refusal::LevelOverflow { price, total, size })?;
            self.orders.push(order);
        }
        Ok(())
    }

    fn find(&self, order: OrderId) -> Result<usize, Refusal> {
        let at = self.orders.iter().position(|resting| resting.order == order);
        at.ok_or(Refusal::UnknownOrder { order })
    }

    fn refuse_taken(&self, order: OrderId, size: Size) -> Result<(), Refusal> {
        refuse_zero(size)?;
        let taken = self.orders.iter().any(|resting| resting.order == order);
        if taken { Err(Refusal::DuplicateOrder { order }) } else { Ok(()) }
    }
}

/// Smaller is better: cheap for who sells, dear for who buys.
fn rank(order: &Resting) -> i128 {
    match order.side {
        Side::Sell => i128::from(order.price),
        Side::Buy => -i128::from(order.price),
    }
}

fn refuse_zero(size: Size) -> Result<(), Refusal> {
    if size == 0 { Err(Refusal::ZeroSize) } else { Ok(()) }
}
