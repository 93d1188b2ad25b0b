//! What the figures were measured on: the processor, the system, the file system, this binary.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::latency::Percentiles;

/// All that another run must have in common with this one to be compared with it.
#[derive(Debug, Serialize)]
pub(super) struct Fingerprint {
    cores: usize,
    processor: Option<String>,
    kernel: String,
    /// What steps the processor's clock; virtual machines do not know.
    governor: Option<String>,
    /// File system and device.
    file_system: Option<String>,
    /// How the disk is written.
    disk: String,
    /// One raw synced write of 4 KiB, in microseconds, right after the runs.
    sync_probe_us: Option<Percentiles>,
    version: &'static str,
    commit: &'static str,
    rustc: &'static str,
    flags: &'static str,
}

impl Fingerprint {
    /// Of this machine and this binary, and of the disk that the data was on.
    pub(super) fn of(
        directory: Option<&Path>,
        disk: String,
        sync_probe_us: Option<Percentiles>,
    ) -> Self {
        Self {
            cores: cores(),
            processor: processor(),
            kernel: kernel(),
            governor: line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            file_system: directory.and_then(file_system),
            disk,
            sync_probe_us,
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("HOTLEDGER_COMMIT"),
            rustc: env!("HOTLEDGER_RUSTC"),
            flags: env!("HOTLEDGER_FLAGS"),
        }
    }

    /// What it is, and how much of it there is, for people.
    pub(super) fn in_rows(&self) -> Vec<(&'static str, String)> {
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        let probe = self.sync_probe_us.map_or_else(
            || "none: nothing is synced".to_owned(),
            |probe| format!("p50 {} µs, p99 {} µs", probe.p50, probe.p99),
        );
        vec![
            ("cores", self.cores.to_string()),
            ("processor", known(&self.processor)),
            ("kernel", self.kernel.clone()),
            ("governor", known(&self.governor)),
            ("file system", known(&self.file_system)),
            ("disk", self.disk.clone()),
            ("raw 4 KiB write", probe),
            ("hotledger", format!("{} {}", self.version, self.commit)),
            ("compiler", format!("{}, {}", self.rustc, self.flags)),
        ]
    }
}

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn kernel() -> String {
    line_of("/proc/sys/kernel/osrelease").unwrap_or_default()
}

fn line_of(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// Cores, processor, kernel.
pub(super) fn computer() -> String {
    let system = format!("{} {}", std::env::consts::OS, kernel());
    let cores = match cores() {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    let model = processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{cores} ({model}), {}", system.trim())
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type of the file system that holds this directory, and the device under it.
pub(super) fn file_system(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts
        .lines()
        .filter_map(mount)
        .filter(|mount| directory.starts_with(mount.place))
        // The last of equals lies on top.
        .max_by_key(|mount| mount.place.len())
        .map(|mount| format!("{} on {}", mount.kind, mount.device))
}

/// Whether this directory lives in memory, so that a write to it is no write to a disk.
pub(super) fn is_in_memory(directory: &Path) -> bool {
    file_system(directory)
        .is_some_and(|system| system.starts_with("tmpfs ") || system.starts_with("ramfs "))
}

struct Mount<'a> {
    place: &'a str,
    kind: &'a str,
    device: &'a str,
}

/// A line of `mountinfo`: place in field 5, then after ` - ` the type and the device.
fn mount(line: &str) -> Option<Mount<'_>> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    Some(Mount { place: before.split(' ').nth(4)?, kind: after.next()?, device: after.next()? })
}
