//! Tiny runs of `bench`, and what holds of the figures of all of them.

#![allow(dead_code, reason = "each test file uses its own part")]

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{assert_code, hotledger, run};

/// A second of `bench` in this place, with few accounts; what it prints.
pub(crate) fn bench(place: &TempDir, options: &[&str]) -> String {
    let mut command = hotledger();
    command.current_dir(place.path()).args(["bench", "--seconds", "1"]);
    if !options.contains(&"exchange") {
        command.args(["--aggregates", "100"]);
    }
    let output = run(command.args(options));
    assert_code(&output, 0);
    String::from_utf8(output.stdout).expect("text")
}

/// The same, as the runs that scripts see.
pub(crate) fn runs(place: &TempDir, options: &[&str]) -> Vec<Value> {
    let printed = bench(place, &[options, &["--json", "-"]].concat());
    serde_json::from_str(&printed).expect("only an array on stdout")
}

/// There is a rate, and percentiles that grow.
#[track_caller]
pub(crate) fn assert_figures(figures: &Value) {
    assert!(figures["rate_per_s"].as_f64() > Some(0.0), "{figures}");
    let mut before = 0.0;
    for name in ["p50", "p90", "p99", "p99.9", "max"] {
        let value = figures["latency_us"][name].as_f64().expect("a figure");
        assert!(value >= before, "{figures}");
        before = value;
    }
}
