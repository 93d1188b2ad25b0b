//! `bench` says where the time of a command went, stage by stage, and what made the slowest slow.

#[path = "support/laboratory.rs"]
mod laboratory;
mod support;

use std::fs;

use laboratory::{bench, runs};
use serde_json::Value;
use tempfile::TempDir;

const STAGES: [&str; 5] = ["to_be_sent", "mailbox", "batch", "write_and_sync", "answer"];

const CAUSES: [&str; 6] =
    ["segment roll", "snapshot", "sync stall", "behind a slow write", "scheduler", "queue"];

#[track_caller]
fn figure(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no figure"))
}

/// What is told of the stages adds up to what is told of the latency.
#[track_caller]
fn assert_followed(run: &Value) {
    let stages = &run["stages_us"];
    assert!(figure(&stages["samples"]) > 0.0, "{stages}");
    let sum: f64 = STAGES.iter().map(|stage| figure(&stages[stage]["mean"])).sum();
    let mean = figure(&stages["latency"]["mean"]);
    assert!((sum - mean).abs() < 0.01, "{sum} of {mean}: {stages}");
    let parts = figure(&stages["batch_decide"]["mean"]) + figure(&stages["batch_encode"]["mean"]);
    assert!(parts > 0.0 && parts <= figure(&stages["batch"]["mean"]) + 0.01, "{stages}");
    let slowest = run["slowest"].as_array().expect("the slowest ones");
    assert!((1..=64).contains(&slowest.len()), "{slowest:?}");
    assert!(slowest.is_sorted_by(|a, b| figure(&a["latency_us"]) >= figure(&b["latency_us"])));
    for slow in slowest {
        assert!(CAUSES.contains(&slow["cause"].as_str().expect("a cause")), "{slow}");
        let sum: f64 = STAGES.iter().map(|stage| figure(&slow["stages_us"][stage])).sum();
        assert!((sum - figure(&slow["latency_us"])).abs() < 0.01, "{slow}");
    }
}

#[test]
fn stages_add_up_and_every_slow_command_has_a_cause() {
    let place = TempDir::new().expect("a directory");
    let runs = runs(&place, &["--durability", "synced"]);
    for run in &runs {
        assert_followed(run);
        assert_eq!(figure(&run["stages_us"]["to_be_sent"]["mean"]), 0.0, "it is not due before");
        let write = &run["stages_us"]["write_and_sync"];
        assert!(figure(&write["p50"]) > 0.0, "{write}");
    }
    for run in &runs {
        // Not every kernel tells.
        assert!(run["core_wait_s"].as_f64().is_none_or(|waited| waited >= 0.0), "{run}");
    }
    // One command after the other: all are followed, and the slowest of them is the first.
    let closed = &runs[0];
    let (slowest, max) =
        (figure(&closed["slowest"][0]["latency_us"]), figure(&closed["latency_us"]["max"]));
    assert!((slowest / max - 1.0).abs() < 0.01, "{slowest} is the longest of all, {max}");
}

#[test]
fn an_open_loop_counts_the_wait_before_sending() {
    let place = TempDir::new().expect("a directory");
    let load = ["--mode", "open", "--rate", "3000", "--clients", "2"];
    for durability in ["volatile", "buffered"] {
        let runs = runs(&place, &[&load[..], &["--durability", durability]].concat());
        assert_followed(&runs[0]);
        assert!(figure(&runs[0]["stages_us"]["to_be_sent"]["mean"]) > 0.0, "{}", runs[0]);
    }
}

#[test]
fn both_are_in_the_tables_and_on_the_page() {
    let place = TempDir::new().expect("a directory");
    let table = bench(&place, &["--html", "out.html", "--mode", "pipelined"]);
    let page = fs::read_to_string(place.path().join("out.html")).expect("a page");
    for (text, words) in [
        (&table, ["mailbox", "write and sync", "batch: decide", "slowest of them", " followed"]),
        (&page, ["mailbox", "write and sync", "decide", "slowest of them", "<h2>What made"]),
    ] {
        for word in words {
            assert!(text.contains(word), "{word} is missing:\n{text}");
        }
        let causes = CAUSES.iter().filter(|cause| text.contains(*cause)).count();
        assert!(causes > 0, "there is a cause at least:\n{text}");
    }
}
