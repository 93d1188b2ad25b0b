//! How many places a test goes through: a few seconds' worth from a seed, or every one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// `HOTLEDGER_FLIPS=all` takes every place; else `HOTLEDGER_SEED` says where to begin.
pub(crate) struct Plan {
    pub(crate) all: bool,
    seed: u64,
    started: Instant,
    time: Duration,
}

impl Plan {
    /// A test that may take this long where it does not take everything.
    pub(crate) fn within(seconds: f64) -> Plan {
        let all = std::env::var("HOTLEDGER_FLIPS").is_ok_and(|flips| flips == "all");
        let seed = std::env::var("HOTLEDGER_SEED").ok().and_then(|seed| seed.parse().ok());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let seed = seed.unwrap_or_else(|| mix(since.as_nanos() as u64) >> 32);
        let time = Duration::from_secs_f64(seconds);
        Plan { all, seed, started: Instant::now(), time }
    }

    /// Indices below `count`: each once and in order, or strided until time is up.
    pub(crate) fn walk(&self, count: usize) -> impl Iterator<Item = usize> + '_ {
        assert!(count > 0, "there is something to go through");
        let start = (mix(self.seed) % count as u64) as usize;
        // The golden section spreads the first few evenly over all.
        let stride = (count as f64 * 0.618_033_988_75) as usize;
        let stride = (stride.max(1)..).find(|stride| gcd(*stride, count) == 1);
        let stride = stride.expect("one is prime to all");
        let steps = (0..count)
            .take_while(|step| self.all || step % 8 != 0 || self.started.elapsed() < self.time);
        steps.map(move |step| {
            if self.all {
                step
            } else {
                ((start as u128 + step as u128 * stride as u128) % count as u128) as usize
            }
        })
    }

    /// Tells what was done, for `--nocapture` and for the reader of a failure.
    pub(crate) fn say(&self, what: &str) {
        let how = if self.all { "all".to_owned() } else { format!("seed {}", self.seed) };
        println!("{what} ({how}, {:.1} s)", self.started.elapsed().as_secs_f64());
    }
}

/// The most memory this process has had, where the system says so.
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

fn gcd(left: usize, right: usize) -> usize {
    if right == 0 { left } else { gcd(right, left % right) }
}

/// SplitMix64's finaliser.
pub(crate) fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}
