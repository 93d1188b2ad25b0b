//! Tells the binary what it was built from and with, for the reports of `bench`.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace('\x1f', " ");
    let opt_level = env::var("OPT_LEVEL").unwrap_or_default();
    let said = [
        ("COMMIT", said_by("git", &["describe", "--always", "--dirty", "--abbrev=12"])),
        ("RUSTC", said_by(&rustc, &["--version"])),
        ("FLAGS", Some(format!("opt-level={opt_level} {flags}").trim().to_owned())),
    ];
    for (name, value) in said {
        println!("cargo::rustc-env=HOTLEDGER_{name}={}", value.unwrap_or_default());
    }
    // A commit changes one of them; where there is no repository, nothing does.
    for path in ["../.git/HEAD", "../.git/logs/HEAD", "build.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
}

fn said_by(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|_| output.status.success())
}
