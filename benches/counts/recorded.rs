//! The file of what each operation was last recorded to take.

use std::fs;
use std::path::PathBuf;

const HEAD: &str = "\
# Instructions an operation takes, counted by callgrind.
# Written by `cargo bench --bench counts -- --record`; see benches/counts.rs.
";

/// Counts by operation, and what they were made with.
pub(crate) struct Recorded {
    version: String,
    counts: Vec<(String, f64)>,
}

impl Recorded {
    pub(crate) fn new(version: String, counted: &[(&str, f64)]) -> Self {
        let counts = counted.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Self { version, counts }
    }

    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once(':'));
        let (mut version, mut counts) = (String::new(), Vec::new());
        for (name, said) in pairs {
            match (name, said.trim().parse()) {
                ("with", _) => said.trim().clone_into(&mut version),
                (name, Ok(count)) => counts.push((name.to_owned(), count)),
                (name, Err(_)) => panic!("`{name}` is recorded as `{said}`; record it again"),
            }
        }
        Self { version, counts }
    }

    pub(crate) fn write(&self) {
        let mut text = format!("{HEAD}with: {}\n", self.version);
        for (name, count) in &self.counts {
            text.push_str(&format!("{name}: {count:.1}\n"));
        }
        fs::write(path(), text).expect("the repository can be written");
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn of(&self, name: &str) -> Option<f64> {
        self.counts.iter().find(|(of, _)| of == name).map(|(_, count)| *count)
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/counts/recorded.txt")
}
