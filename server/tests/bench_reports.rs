//! `bench` says rate, latency and durability, as a table and as JSON, and leaves nothing behind.

mod support;

use std::fs;

use serde_json::Value;
use support::{assert_code, hotledger, run};
use tempfile::TempDir;

fn bench(place: &TempDir, options: &[&str]) -> String {
    let mut command = hotledger();
    command.current_dir(place.path());
    let quick = ["bench", "--seconds", "1", "--aggregates", "100"];
    let output = run(command.args(quick).args(options));
    assert_code(&output, 0);
    String::from_utf8(output.stdout).expect("text")
}

#[track_caller]
fn assert_figures(figures: &Value) {
    assert!(figures["rate_per_s"].as_f64() > Some(0.0), "{figures}");
    let mut before = 0.0;
    for name in ["p50", "p90", "p99", "p99.9", "max"] {
        let value = figures["latency_us"][name].as_f64().expect("a figure");
        assert!(value >= before, "{figures}");
        before = value;
    }
}

#[test]
fn both_modes_are_in_the_table_and_nothing_stays() {
    let place = TempDir::new().expect("a directory");
    let table = bench(&place, &["--json", "runs.json"]);
    for word in ["closed", "pipelined", "synced", "p99.9", "warm-up", "core", "disk: "] {
        assert!(table.contains(word), "{word} is missing:\n{table}");
    }
    let runs = fs::read_to_string(place.path().join("runs.json")).expect("the runs");
    let runs: Vec<Value> = serde_json::from_str(&runs).expect("an array");
    assert_eq!(runs.len(), 2);
    for (run, mode) in runs.iter().zip(["closed", "pipelined"]) {
        assert_eq!(run["mode"], mode);
        assert_eq!(run["durability"], "synced");
        assert_eq!(run["clients"], 1);
        assert_eq!(run["offered_per_s"], Value::Null);
        assert_eq!(run["valid"], true);
        assert_figures(run);
    }
    assert_eq!(runs[1]["in_flight"], 8_192);
    assert_eq!(fs::read_dir(place.path()).expect("a directory").count(), 1, "only runs.json");
}

#[test]
fn the_bare_loop_is_measured_beside_it() {
    let place = TempDir::new().expect("a directory");
    let runs = bench(&place, &["--baseline", "--json", "-", "--durability", "buffered"]);
    let runs: Vec<Value> = serde_json::from_str(&runs).expect("only an array on stdout");
    for run in &runs {
        assert_eq!(run["durability"], "buffered");
        assert_figures(run);
        assert_figures(&run["baseline"]);
        for name in ["rate", "p50", "p99"] {
            assert!(run["ratio"][name].as_f64() > Some(0.0), "{run}");
        }
    }
}

#[test]
fn memory_alone_can_be_measured_with_several_clients() {
    let place = TempDir::new().expect("a directory");
    let options = ["--durability", "volatile", "--clients", "2", "--in-flight", "64"];
    let runs = bench(&place, &[&options[..], &["--payload", "100", "--json", "-"]].concat());
    let runs: Vec<Value> = serde_json::from_str(&runs).expect("an array");
    for run in &runs {
        assert_eq!(run["durability"], "volatile");
        assert_eq!(run["clients"], 2);
        assert_eq!(run["valid"], true);
        assert_figures(run);
    }
}

#[test]
fn data_that_is_kept_can_be_looked_at() {
    let place = TempDir::new().expect("a directory");
    bench(&place, &["--mode", "closed", "--data", "kept"]);
    let kept = place.path().join("kept");
    let output = run(hotledger().arg("state").arg("--data").arg(&kept).args(["account", "3"]));
    assert_code(&output, 0);
    assert!(support::one_json(&output.stdout)["version"].as_u64() > Some(0));
    assert_code(&run(hotledger().args(["journal", "verify"]).arg(&kept)), 0);
}
