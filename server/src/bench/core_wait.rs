//! How long the writer, and io_uring's workers where it has any, had no core to run on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names of threads, as far as Linux keeps them: the engine's writer, and the workers in which
/// io_uring does what would block. What the kernel does in work queues of its own, as the end of
/// a direct synced write, is no thread of this process and is not counted.
const WRITER: &str = "hotledger-write";
const WORKERS: &str = "iou-wrk-";

/// How long each of those threads has been ready to run without a core, since it was started.
pub(super) struct CoreWait(BTreeMap<PathBuf, Duration>);

impl CoreWait {
    /// Now. Empty where the system does not tell.
    pub(super) fn so_far() -> Self {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let threads = threads.map(|entry| entry.path()).filter(|thread| writes(thread));
        Self(threads.filter_map(|thread| Some((thread.clone(), of(&thread)?))).collect())
    }

    /// What has been added to an earlier figure; `None` where the system does not tell. The wait
    /// of a thread that has ended since is not known.
    pub(super) fn since(&self, earlier: &Self) -> Option<Duration> {
        let added = |(thread, waited): (&PathBuf, &Duration)| {
            waited.saturating_sub(earlier.0.get(thread).copied().unwrap_or_default())
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(added).sum())
    }
}

fn writes(thread: &Path) -> bool {
    let name = fs::read_to_string(thread.join("comm")).unwrap_or_default();
    name.trim_end() == WRITER || name.starts_with(WORKERS)
}

/// The second figure: nanoseconds on a core, those without one, and how often.
fn of(thread: &Path) -> Option<Duration> {
    let schedstat = fs::read_to_string(thread.join("schedstat")).ok()?;
    schedstat.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(of: &[(&str, u64)]) -> CoreWait {
        let wait = |(thread, ms): &(&str, u64)| (PathBuf::from(thread), Duration::from_millis(*ms));
        CoreWait(of.iter().map(wait).collect())
    }

    #[test]
    fn threads_come_and_go() {
        let earlier = waits(&[("writer", 5), ("gone", 100)]);
        let later = waits(&[("writer", 7), ("new", 30)]);
        assert_eq!(later.since(&earlier), Some(Duration::from_millis(32)));
        assert_eq!(waits(&[]).since(&earlier), None);
    }
}
