//! Slices of measuring: the engine and the bare loop take turns, because machines drift.

use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;

use super::course::{Course, LATENCY_NS_MAX};
use super::follow::Follower;
use super::sample::Samples;

/// How long one slice takes.
const SLICE: Duration = Duration::from_secs(1);

/// How long each side runs before anything is counted.
pub(super) const WARM_UP: Duration = Duration::from_secs(1);

/// Something that can be run for a while and counted.
pub(super) trait Measured {
    /// Runs for this long, and until everything begun is finished; adds to the tally.
    fn run(&mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<()>;
}

/// What was counted.
pub(super) struct Tally {
    /// Commands answered.
    pub(super) commands: u64,
    /// Those of them that were not committed; there should be none.
    pub(super) failed: u64,
    /// Those that were refused, as their workload foresees it.
    pub(super) refused: u64,
    /// Those that an open loop sent late through its own fault.
    pub(super) late: u64,
    /// Those that it sent late because the session was full.
    pub(super) held_back: u64,
    /// Time spent.
    pub(super) elapsed: Duration,
    /// Nanoseconds from command to answer; in an open loop from when the command was due.
    pub(super) latency_ns: Histogram<u64>,
    /// Nanoseconds from sending to answer, where a command is not sent when it is due.
    pub(super) service_ns: Histogram<u64>,
    /// The first client's latency as it went.
    pub(super) course: Course,
    /// Some of the commands, and the slowest.
    pub(super) samples: Samples,
}

/// Both sides of one run.
pub(super) struct Comparison {
    /// The engine.
    pub(super) ours: Tally,
    /// The bare loop, when it was asked for.
    pub(super) bare: Option<Tally>,
    /// Time between them in which neither was measured.
    pub(super) rested: Duration,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> anyhow::Result<Self> {
        let histogram =
            || Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).context("cannot make a histogram");
        Ok(Self {
            commands: 0,
            failed: 0,
            refused: 0,
            late: 0,
            held_back: 0,
            elapsed: Duration::ZERO,
            latency_ns: histogram()?,
            service_ns: histogram()?,
            course: Course::new()?,
            samples: Samples::new(),
        })
    }

    /// Counts commands that are answered now, after this time.
    pub(super) fn record(&mut self, now: Instant, latency: Duration, commands: u64) {
        let latency_ns = nanos(latency);
        self.commands += commands;
        self.latency_ns.saturating_record_n(latency_ns, commands);
        self.course.record(now, latency_ns, commands);
    }

    /// Counts from when commands were sent; they are counted by [`Self::record`] as well.
    pub(super) fn record_service(&mut self, latency: Duration, commands: u64) {
        self.service_ns.saturating_record_n(nanos(latency), commands);
    }

    /// Adds what another thread counted in the same time.
    pub(super) fn merge(&mut self, other: &Self) {
        self.commands += other.commands;
        self.failed += other.failed;
        self.refused += other.refused;
        self.late += other.late;
        self.held_back += other.held_back;
        self.elapsed = self.elapsed.max(other.elapsed);
        // All histograms have the same bounds, so nothing can fall out.
        self.latency_ns += &other.latency_ns;
        self.service_ns += &other.service_ns;
        self.samples.merge(&other.samples);
    }

    /// Committed commands a second.
    pub(super) fn rate(&self) -> f64 {
        let committed = self.commands - self.failed - self.refused;
        committed as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn append(&mut self, slice: &Self) {
        let elapsed = self.elapsed + slice.elapsed;
        self.course.append(self.elapsed, &slice.course);
        self.merge(slice);
        self.elapsed = elapsed;
    }
}

/// Warms both sides up, then lets them take turns until each has had its seconds. Before the bare
/// loop's turns `rest` lets the engine finish what it does beside its work; after its own turns its
/// commands are followed.
pub(super) fn measure(
    ours: &mut dyn Measured,
    follower: &mut Follower<'_>,
    mut bare: Option<Box<dyn Measured>>,
    rest: impl Fn() -> Duration,
    seconds: u32,
) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison {
        ours: Tally::new()?,
        bare: bare.is_some().then(Tally::new).transpose()?,
        rested: Duration::ZERO,
    };
    slice(ours, WARM_UP)?;
    if let Some(bare) = &mut bare {
        rest();
        slice(bare.as_mut(), WARM_UP)?;
    }
    for _ in 0..seconds {
        if let (Some(bare), Some(tally)) = (&mut bare, &mut comparison.bare) {
            comparison.rested += rest();
            tally.append(&slice(bare.as_mut(), SLICE)?);
        }
        follower.begin();
        let slice = slice(ours, SLICE)?;
        follower.follow(&slice.samples);
        comparison.ours.append(&slice);
    }
    Ok(comparison)
}

fn slice(side: &mut dyn Measured, length: Duration) -> anyhow::Result<Tally> {
    let mut tally = Tally::new()?;
    let started = Instant::now();
    side.run(length, &mut tally)?;
    tally.elapsed = started.elapsed();
    tally.course.end();
    Ok(tally)
}

fn nanos(latency: Duration) -> u64 {
    u64::try_from(latency.as_nanos()).map_or(LATENCY_NS_MAX, |nanos| nanos.max(1))
}

/// Runs every client on its own thread and adds up what they counted.
pub(super) fn run_clients<C: Send>(
    clients: &mut [C],
    tally: &mut Tally,
    client_loop: impl Fn(&mut C, &mut Tally) + Sync,
) -> anyhow::Result<()> {
    if let [client] = clients {
        client_loop(client, tally);
        return Ok(());
    }
    let client_loop = &client_loop;
    let tallies = std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                let mut tally = Tally::new()?;
                Ok(scope.spawn(move || {
                    client_loop(client, &mut tally);
                    tally
                }))
            })
            .collect::<anyhow::Result<_>>()?;
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a client panicked")))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    tallies.iter().for_each(|counted| tally.merge(counted));
    tally.course = tallies.into_iter().next().map_or_else(Course::new, |first| Ok(first.course))?;
    Ok(())
}
