//! What the figures were measured on: the processor, the system, the file system.

use std::fs;
use std::path::Path;

/// Cores, processor, kernel.
pub(super) fn computer() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = format!("{} {}", std::env::consts::OS, kernel.trim());
    let cores = match cores {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    match processor() {
        Some(model) => format!("{cores} ({model}), {}", system.trim()),
        None => format!("{cores} ({}), {}", std::env::consts::ARCH, system.trim()),
    }
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
