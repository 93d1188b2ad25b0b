//! A client's line to whoever answers it, the engine or what it is compared with.

use hotledger::{Engine, Session};

use super::slice::Tally;
use super::workload::{Workload, judge, send};

/// Commands go one way, answers come back in the same order.
pub(super) trait Line: Send {
    /// Commands that are not answered.
    fn in_flight(&self) -> usize;
    /// The most there may be of them.
    fn in_flight_max(&self) -> usize;
    /// Sends as many commands as there is room for, so many at most; how many it was.
    fn send(&mut self, most: u64) -> u64;
    /// Takes so many answers at most that are there, and judges them; how many it was.
    fn reap(&mut self, most: u64, tally: &mut Tally) -> u64;
    /// The same, but waits for the first one.
    fn reap_wait(&mut self, most: u64, tally: &mut Tally) -> u64;
}

/// A session of the engine's, and what is sent through it.
pub(super) struct SessionLine<'a, W: Workload> {
    session: Session<W::Kind>,
    in_flight_max: usize,
    stream: &'a mut W::Stream,
}

impl<'a, W: Workload> SessionLine<'a, W> {
    /// A line for each stream.
    pub(super) fn all(
        engine: &Engine,
        streams: &'a mut [W::Stream],
        in_flight_max: u32,
    ) -> Vec<Self> {
        let in_flight_max = in_flight_max as usize;
        let open = |stream| {
            let session = engine.session::<W::Kind>(in_flight_max);
            Self { session, in_flight_max, stream }
        };
        streams.iter_mut().map(open).collect()
    }
}

impl<W: Workload> Line for SessionLine<'_, W>
where
    Session<W::Kind>: Send,
{
    fn in_flight(&self) -> usize {
        self.session.in_flight()
    }

    fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    fn send(&mut self, most: u64) -> u64 {
        send(&mut self.session, self.in_flight_max, self.stream, most)
    }

    fn reap(&mut self, most: u64, tally: &mut Tally) -> u64 {
        self.reap_after(0, most, tally)
    }

    fn reap_wait(&mut self, most: u64, tally: &mut Tally) -> u64 {
        let Some(answer) = self.session.reap_wait() else { return 0 };
        judge::<W>(&answer, 0, tally);
        self.reap_after(1, most, tally)
    }
}

impl<W: Workload> SessionLine<'_, W> {
    /// Takes answers until there are so many with those before.
    fn reap_after(&mut self, before: u64, most: u64, tally: &mut Tally) -> u64 {
        let mut answers = before;
        while answers < most
            && let Some(answer) = self.session.reap()
        {
            judge::<W>(&answer, answers, tally);
            answers += 1;
        }
        answers
    }
}
