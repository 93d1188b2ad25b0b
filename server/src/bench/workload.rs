//! What the bench asks the engine to do: streams of commands, one for each client.

use anyhow::bail;
use hotledger::{Aggregate, Engine, ExecuteError, Receipt, Request, Session};
use hotledger_journal::BLOCK_BYTES;

use super::slice::Tally;

/// Commands on their way while nothing is measured.
const PASS_IN_FLIGHT: usize = 4_096;

/// Commands that are looked at one by one.
const ALONE: u64 = 64;

/// What a client is told.
pub(super) type Answer<A> = Result<Receipt, ExecuteError<<A as Aggregate>::Refusal>>;

/// Commands for a number of aggregates of one kind.
pub(super) trait Workload: Sync {
    /// The kind they are for.
    type Kind: Aggregate;
    /// What one client sends.
    type Stream: Stream<Self::Kind>;

    /// What it is called in the report.
    fn name(&self) -> String;
    /// How many aggregates there are.
    fn aggregates(&self) -> u64;
    /// The commands of one of the clients.
    fn stream(&self, client: u64) -> Self::Stream;
    /// Brings the aggregates to where the streams begin.
    fn prepare(&self, engine: &Engine, streams: &mut [Self::Stream]) -> anyhow::Result<()>;
    /// So many commands of a stream are like all of them.
    fn sample(&self) -> u64;
    /// Whether the stream brings it with it that some commands are refused so.
    fn foresees(refusal: &<Self::Kind as Aggregate>::Refusal) -> bool;
    /// Proves that the aggregates are where the streams have led them, and says what was proved.
    fn prove(&self, _: &Engine, _: &mut [Self::Stream]) -> anyhow::Result<Option<String>> {
        Ok(None)
    }
}

/// Commands without an end. Each is sent: what one leaves behind the next one may need.
pub(super) trait Stream<A: Aggregate>: Send {
    /// The next command, for whom, and under which conditions.
    fn next(&mut self) -> Request<A>;
}

/// Sends as many commands as there is room for, so many at most; how many it was.
pub(super) fn send<A: Aggregate>(
    session: &mut Session<A>,
    in_flight_max: usize,
    stream: &mut impl Stream<A>,
    most: u64,
) -> u64 {
    let room = (in_flight_max - session.in_flight()) as u64;
    for _ in 0..room.min(most) {
        let sent = session.request(stream.next());
        assert!(sent.is_ok(), "a session with room takes a command");
    }
    room.min(most)
}

/// Counts an answer that is not a receipt, and lets those that are be samples. It has this number
/// among those of the same look.
pub(super) fn judge<W: Workload>(answer: &Answer<W::Kind>, number: u64, tally: &mut Tally) {
    match answer {
        Ok(receipt) => tally.samples.see(number, receipt),
        Err(ExecuteError::Refused(refusal)) if W::foresees(refusal) => tally.refused += 1,
        Err(_) => tally.failed += 1,
    }
}

/// Sends so many commands and waits for all answers.
pub(super) fn pass<W: Workload>(
    engine: &Engine,
    stream: &mut impl Stream<W::Kind>,
    commands: u64,
) -> anyhow::Result<()> {
    pass_with::<W>(engine, stream, commands, PASS_IN_FLIGHT)
}

fn pass_with<W: Workload>(
    engine: &Engine,
    stream: &mut impl Stream<W::Kind>,
    commands: u64,
    in_flight: usize,
) -> anyhow::Result<()> {
    let mut session = engine.session::<W::Kind>(in_flight);
    let mut sent = 0;
    while sent < commands || session.in_flight() > 0 {
        sent += send(&mut session, in_flight, stream, commands - sent);
        match session.reap_wait() {
            Some(Err(ExecuteError::Refused(refusal))) if W::foresees(&refusal) => {}
            Some(Err(error)) => {
                bail!("cannot bring the aggregates to where they should be: {error}")
            }
            _ => {}
        }
    }
    Ok(())
}

/// How many bytes a command is on disk, with its share of what all of a batch have in common.
pub(super) fn stored_bytes<W: Workload>(
    engine: &Engine,
    workload: &W,
    stream: &mut W::Stream,
) -> anyhow::Result<usize> {
    let before = engine.stats().journal_bytes;
    pass::<W>(engine, stream, workload.sample())?;
    let bytes = engine.stats().journal_bytes - before;
    Ok((bytes / workload.sample()) as usize)
}

/// How many bytes, in whole blocks, a command is on disk that has a batch of its own.
pub(super) fn stored_alone<W: Workload>(
    engine: &Engine,
    stream: &mut W::Stream,
) -> anyhow::Result<usize> {
    let before = engine.stats().journal_bytes;
    pass_with::<W>(engine, stream, ALONE, 1)?;
    let bytes = engine.stats().journal_bytes - before;
    // Refused commands leave nothing, and the engine's own batches come between now and then.
    let blocks = (bytes as f64 / (ALONE * BLOCK_BYTES as u64) as f64).round();
    Ok(blocks as usize * BLOCK_BYTES)
}
