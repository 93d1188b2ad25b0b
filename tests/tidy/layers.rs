//! Who may import whom: between crates by their manifests, inside the engine by its paths.

use super::circles::imports;
use super::exceptions;
use super::tree::{Finding, Tree};

/// What each crate may depend on within the workspace. A crate that is not here is refused.
const CRATES: &[(&str, &[&str])] = &[
    ("hotledger-journal", &[]),
    ("hotledger", &["hotledger-journal"]),
    ("hotledger-domains", &["hotledger"]),
    ("hotledger-server", &["hotledger-domains", "hotledger", "hotledger-journal"]),
    ("hotledger-simulator", &["hotledger", "hotledger-journal"]),
    ("hotledger-compare", &["hotledger-domains", "hotledger", "hotledger-journal"]),
    ("hotledger-journal-fuzz", &["hotledger-journal"]),
    ("hotledger-fuzz", &["hotledger-domains", "hotledger", "hotledger-journal-fuzz"]),
    ("xtask", &[]),
];

/// What only tests, benches and examples of a crate may use besides.
const FOR_TESTS: &[(&str, &[&str])] = &[("hotledger", &["hotledger-domains"])];

/// Modules of the engine that never name each other, and where they meet instead.
const APART: (&str, &str, &str) = ("read", "write", "src/durable.rs");

pub(crate) fn crates(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let manifests = tree.texts.iter().filter(|(path, _)| path.ends_with("Cargo.toml"));
    for (path, manifest) in manifests {
        for (line, name, wanted, section) in dependencies(manifest) {
            let for_tests = section.contains("dev-dependencies");
            let may = |table: &[(&str, &[&str])]| {
                table.iter().any(|(owner, may)| *owner == name && may.contains(&wanted.as_str()))
            };
            let allowed = may(CRATES) || for_tests && may(FOR_TESTS);
            if !allowed {
                let message = format!(
                    "{name} must not depend on {wanted}. The order is server, domains, engine, \
                     journal; turn the dependency round, or argue with CRATES in \
                     tests/tidy/layers.rs."
                );
                findings.push(Finding::new(path, line, message));
            }
        }
    }
    findings
}

/// The command side and the query side of the engine share nothing but what is durable.
pub(crate) fn sides(tree: &Tree) -> Vec<Finding> {
    let (one, other, meeting) = APART;
    let mut findings = Vec::new();
    for import in imports(tree, "src/") {
        let (from, to) = (import.from[0].as_str(), import.to[0].as_str());
        let crosses = (from, to) == (one, other) || (from, to) == (other, one);
        let excused = || exceptions::from("sides").any(|it| import.path.starts_with(it.path));
        if crosses && !excused() {
            let message = format!(
                "`{from}` imports `{to}`. They meet in {meeting}: move what both need there, or \
                 beside it."
            );
            findings.push(Finding::new(&import.path, import.line, message));
        }
    }
    findings
}

/// The crates of the workspace that a manifest names: line, owner, dependency, section.
fn dependencies(manifest: &str) -> Vec<(usize, String, String, String)> {
    let mut section = "";
    let mut owner = String::new();
    let mut found = Vec::new();
    for (line, text) in manifest.lines().enumerate() {
        let text = text.trim();
        if text.starts_with('[') {
            section = text.trim_matches(['[', ']']);
        }
        // `[dependencies.name]` and `name = …` or `name.workspace = …` below `[dependencies]`.
        let (kind, named) = match section.rsplit_once('.') {
            Some((kind, name)) if kind.ends_with("dependencies") => (kind, name),
            _ => (section, text),
        };
        let name: String =
            named.chars().take_while(|&it| it.is_alphanumeric() || it == '-').collect();
        if section == "package" && name == "name" {
            owner = text.split('"').nth(1).unwrap_or_default().to_owned();
        }
        let heading = kind == section || text.starts_with('[');
        let listed = kind.ends_with("dependencies") && !kind.starts_with("workspace") && heading;
        if listed && CRATES.iter().any(|(known, _)| *known == name) {
            found.push((line + 1, owner.clone(), name, kind.to_owned()));
        }
    }
    found
}
