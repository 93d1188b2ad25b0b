//! What the figures were measured on, and when.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// All that another run must have in common with this one to be compared with it.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    /// Its type, and the device.
    file_system: String,
    memory_gib: u64,
    /// The day, in Greenwich.
    pub(crate) date: String,
}

impl Machine {
    /// This one, and the directory that is written to.
    pub(crate) fn with(directory: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: value_of("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            kernel: kernel.map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            file_system: file_system(directory).unwrap_or_else(unknown),
            memory_gib: memory_gib().unwrap_or(0),
            date: date(now / 86_400),
        }
    }

    /// In a sentence's worth of words.
    pub(crate) fn in_words(&self) -> String {
        let Self { cores, processor, kernel, file_system, memory_gib, date } = self;
        let os = std::env::consts::OS;
        format!(
            "{date}; {cores} cores ({processor}), {memory_gib} GiB, {os} {kernel}, {file_system}"
        )
    }
}

/// What stands behind the first colon of the first line that begins so.
fn value_of(file: &str, begins: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(begins))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_gib() -> Option<u64> {
    let kib: u64 = value_of("/proc/meminfo", "MemTotal")?.split(' ').next()?.parse().ok()?;
    Some((kib + (1 << 19)) >> 20)
}

/// The file system that holds this directory: of `mountinfo`, the longest place that it lies under.
fn file_system(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let (place, mut after) = (before.split(' ').nth(4)?, after.split(' '));
        Some((place, after.next()?, after.next()?))
    });
    let here = mounts.filter(|(place, ..)| directory.starts_with(place));
    let (_, kind, device) = here.max_by_key(|(place, ..)| place.len())?;
    Some(format!("{kind} on {device}"))
}

/// The date of a day since 1970, by 400-year eras that begin in March (Howard Hinnant, 2013).
fn date(day: u64) -> String {
    let from_march = day + 719_468;
    let (era, day_of_era) = (from_march / 146_097, from_march % 146_097);
    let leaps = day_of_era / 1_460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_454, "2026-01-01"),
            (20_778, "2026-11-21"),
        ] {
            assert_eq!(date(day), expected);
        }
    }

    #[test]
    fn a_directory_lies_on_some_file_system() {
        let found = file_system(Path::new(".")).expect("a mount");
        assert!(found.contains(" on "), "{found}");
    }
}
