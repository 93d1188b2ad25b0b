//! One slice: records are handed to a peer for a while, and the answers are timed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::deposit::Deposit;
use super::stores::{Client, Peer};
use super::way::Way;

/// The longest latency told apart: one minute.
const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// Commits that share one look at the clock, which would cost as much as the fastest of them. A
/// burst is stamped before its first commit, so that no latency is told shorter than it was.
const BURST: usize = 64;

/// What a slice came to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) commits: u64,
    pub(crate) records_per_s: f64,
    /// From handing a commit over to its answer; one in a hundred was faster than this.
    pub(crate) p1_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
}

/// How long a peer is driven.
#[derive(Clone, Copy)]
pub(crate) struct Length {
    /// Before anything is counted.
    pub(crate) warm_up: Duration,
    pub(crate) counted: Duration,
}

/// Drives a peer this way; takes new keys from where the slice before left off.
///
/// # Errors
/// The peer refused a record.
pub(crate) fn drive(peer: &dyn Peer, way: Way, keys: &AtomicU64, of: Length) -> Result<Figures> {
    let (ready, begun) = (Barrier::new(way.clients), OnceLock::new());
    let run = || -> Result<Tally> {
        let client = peer.client(way);
        // Whoever failed to connect still lets the others go.
        ready.wait();
        let counts_from = *begun.get_or_init(Instant::now) + of.warm_up;
        let until = counts_from + of.counted;
        let mut lane = Lane::new(client?, way, keys, Tally::new(counts_from)?);
        lane.run(until)?;
        Ok(lane.tally)
    };
    let tallies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..way.clients).map(|_| scope.spawn(run)).collect();
        let join = |it: std::thread::ScopedJoinHandle<'_, _>| {
            it.join().map_err(|_| anyhow!("a client panicked"))?
        };
        threads.into_iter().map(join).collect::<Result<Vec<Tally>>>()
    })?;
    let mut tallies = tallies.into_iter();
    let mut all = tallies.next().expect("at least one client");
    tallies.for_each(|tally| all.merge(&tally));
    Ok(all.figures(way))
}

/// One client and what it has on its way.
struct Lane<'a> {
    client: Box<dyn Client + 'a>,
    way: Way,
    keys: &'a AtomicU64,
    deposits: Vec<Deposit>,
    /// When commits were handed over, and how many share that stamp; oldest first.
    stamps: VecDeque<(Instant, usize)>,
    in_flight: usize,
    tally: Tally,
}

impl<'a> Lane<'a> {
    fn new(client: Box<dyn Client + 'a>, way: Way, keys: &'a AtomicU64, tally: Tally) -> Self {
        let deposits = Vec::with_capacity(way.batch);
        let stamps = VecDeque::with_capacity(way.in_flight);
        Self { client, way, keys, deposits, stamps, in_flight: 0, tally }
    }

    /// Keeps the client full until then, and waits for what is on its way.
    fn run(&mut self, until: Instant) -> Result<()> {
        let mut now = Instant::now();
        while now < until || self.tally.latency_ns.is_empty() {
            while self.in_flight < self.way.in_flight {
                self.submit(now)?;
                if self.in_flight < self.way.in_flight {
                    now = Instant::now();
                }
            }
            now = self.reap()?;
        }
        while self.in_flight > 0 {
            self.reap()?;
        }
        Ok(())
    }

    /// A burst, or as much of one as there is room for.
    fn submit(&mut self, now: Instant) -> Result<()> {
        let burst = BURST.min(self.way.in_flight - self.in_flight);
        for _ in 0..burst {
            let first = self.keys.fetch_add(self.way.batch as u64, Ordering::Relaxed);
            let keys = first..first + self.way.batch as u64;
            self.deposits.clear();
            self.deposits.extend(keys.map(Deposit::of));
            self.client.submit(&self.deposits)?;
        }
        self.stamps.push_back((now, burst));
        self.in_flight += burst;
        Ok(())
    }

    fn reap(&mut self) -> Result<Instant> {
        let mut answered = self.client.reap()?;
        let now = Instant::now();
        assert!((1..=self.in_flight).contains(&answered), "answers come to what was handed over");
        self.in_flight -= answered;
        while answered > 0 {
            let (sent, waiting) = self.stamps.front_mut().expect("a stamp for each commit");
            let taken = answered.min(*waiting);
            self.tally.record(now, now - *sent, taken);
            *waiting -= taken;
            answered -= taken;
            if *waiting == 0 {
                self.stamps.pop_front();
            }
        }
        Ok(now)
    }
}

/// The answers of one client.
struct Tally {
    counts_from: Instant,
    last: Instant,
    latency_ns: Histogram<u64>,
}

impl Tally {
    fn new(counts_from: Instant) -> Result<Self> {
        let latency_ns = Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3)?;
        Ok(Self { counts_from, last: counts_from, latency_ns })
    }

    fn record(&mut self, now: Instant, latency: Duration, commits: usize) {
        if now > self.counts_from {
            self.last = now;
            let nanos = u64::try_from(latency.as_nanos()).unwrap_or(LATENCY_NS_MAX).max(1);
            self.latency_ns.saturating_record_n(nanos, commits as u64);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.last = self.last.max(other.last);
        // All histograms have the same bounds, so nothing can fall out.
        self.latency_ns += &other.latency_ns;
    }

    fn figures(&self, way: Way) -> Figures {
        let commits = self.latency_ns.len();
        let seconds = (self.last - self.counts_from).as_secs_f64().max(1e-9);
        let micros = |quantile| self.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
        Figures {
            commits,
            records_per_s: (commits * way.batch as u64) as f64 / seconds,
            p1_us: micros(0.01),
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
        }
    }
}
