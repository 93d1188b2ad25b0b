//! How long the engine's writer was ready to run and had no core, as Linux counts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the writer's thread, as far as Linux keeps it.
const WRITER: &str = "hotledger-write";

/// Where the figure of one thread is read.
pub(super) struct CoreWait {
    file: PathBuf,
}

impl CoreWait {
    /// Of the writer in this process: `None` where the system does not tell, or tells of two.
    pub(super) fn of_writer() -> Option<Self> {
        let threads = fs::read_dir("/proc/self/task").ok()?.flatten().map(|entry| entry.path());
        let mut writers = threads.filter(|thread| is_writer(thread));
        let file = writers.next()?.join("schedstat");
        writers.next().is_none().then_some(Self { file })
    }

    /// Since the thread was started.
    pub(super) fn so_far(&self) -> Option<Duration> {
        waited(&fs::read_to_string(&self.file).ok()?)
    }
}

fn is_writer(thread: &Path) -> bool {
    let name = fs::read_to_string(thread.join("comm"));
    name.is_ok_and(|name| name.trim_end() == WRITER)
}

/// Nanoseconds on a core, those without one, and how often.
fn waited(schedstat: &str) -> Option<Duration> {
    let waited_ns = schedstat.split_whitespace().nth(1)?;
    waited_ns.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_figure_is_the_wait() {
        assert_eq!(waited("17 56649 1\n"), Some(Duration::from_nanos(56_649)));
        assert_eq!(waited(""), None);
    }

    #[test]
    fn without_an_engine_there_is_no_writer() {
        assert!(CoreWait::of_writer().is_none());
    }
}
