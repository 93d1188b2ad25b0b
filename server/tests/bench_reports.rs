//! `bench` says rate, latency and durability, as a table and as JSON, and leaves nothing behind.

#[path = "support/laboratory.rs"]
mod laboratory;
mod support;

use std::fs;

use laboratory::{assert_figures, bench, runs};
use serde_json::Value;
use support::{assert_code, hotledger, run};
use tempfile::TempDir;

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
    assert_eq!(runs[1]["in_flight"], 16_384);
    assert_eq!(fs::read_dir(place.path()).expect("a directory").count(), 1, "only runs.json");
}

#[test]
fn the_bare_loop_is_measured_beside_it() {
    let place = TempDir::new().expect("a directory");
    let sized = ["--baseline", "--durability", "buffered", "--payload", "5000"];
    let runs = runs(&place, &sized);
    assert_eq!(runs[0]["baseline"]["kind"], "bare 8 KiB write");
    let bytes = runs[1]["baseline"]["bytes"].as_u64().expect("bytes of a record");
    assert!((5_000..5_500).contains(&bytes), "as large as an event with its head: {bytes}");
    for run in &runs {
        assert_eq!(run["durability"], "buffered");
        assert_eq!(run["baseline"]["saturated"], false);
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
    let runs = runs(&place, &[&options[..], &["--payload", "100", "--baseline"]].concat());
    for run in &runs {
        assert_eq!(run["baseline"]["kind"], "raw ring", "there is no disk to compare with");
        assert_figures(&run["baseline"]);
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

#[test]
fn an_open_loop_offers_each_rate_and_counts_from_when_a_command_was_due() {
    let place = TempDir::new().expect("a directory");
    let runs = runs(&place, &["--mode", "open", "--rate", "500,2000", "--baseline"]);
    for (run, rate) in runs.iter().zip([500.0, 2_000.0]) {
        assert_eq!((&run["mode"], &run["offered_per_s"]), (&"open".into(), &rate.into()));
        assert_figures(run);
        assert_figures(&run["baseline"]);
        assert_eq!(run["commands"], rate, "a second's worth is sent, however long it takes");
        let late = run["late"].as_u64().expect("a count");
        assert_eq!(run["valid"], late * 100 <= rate as u64, "{run}");
        assert_eq!(run["invalid"].is_string(), run["valid"] == false, "{run}");
        let (due, sent) = (&run["latency_us"]["p50"], &run["service_us"]["p50"]);
        assert!(due.as_f64() >= sent.as_f64(), "what was due was sent later: {run}");
        assert!(run["fingerprint"]["sync_probe_us"]["p50"].as_f64() > Some(0.0), "{run}");
        assert!(!run["over_time"].as_array().expect("stretches").is_empty());
    }
}

#[test]
fn plotters_and_browsers_get_files_of_their_own() {
    let place = TempDir::new().expect("a directory");
    let files = ["--hgrm", "out.hgrm", "--html", "out.html", "--baseline"];
    bench(&place, &[&["--mode", "closed"], &files[..]].concat());
    for name in ["out-closed.hgrm", "out-closed-bare.hgrm"] {
        let text = fs::read_to_string(place.path().join(name)).expect("a file for each side");
        assert!(text.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)"));
        let lines = text.lines().skip(2).take_while(|line| !line.starts_with('#'));
        let counts: Vec<u64> = lines
            .map(|line| line.split_whitespace().nth(2).expect("a count").parse().expect("a count"))
            .collect();
        assert!(counts.is_sorted() && counts.len() > 10, "{text}");
    }
    let page = fs::read_to_string(place.path().join("out.html")).expect("a page");
    assert!(page.matches("<svg").count() == 3 && page.matches("<polyline").count() == 5, "{page}");
    for outside in ["http:", "https:", "<script", "src="] {
        assert!(!page.contains(outside), "it opens without a network: {outside}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_named() {
    let place = TempDir::new().expect("a directory");
    let mut command = hotledger();
    command.current_dir(place.path());
    let output = run(command.args(["bench", "--seconds", "1", "--aggregates", "100"]).args([
        "--mode",
        "closed",
        "--durability",
        "volatile",
        "--html",
        "nowhere/out.html",
    ]));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere/out.html"));
}

#[test]
fn keys_and_snapshots_are_measured_where_they_are_asked_for() {
    let place = TempDir::new().expect("a directory");
    let options = ["--mode", "pipelined", "--keys", "--snapshot-every", "20000"];
    let runs = runs(&place, &options);
    assert_eq!((&runs[0]["failed"], &runs[0]["snapshot_every"]), (&0.into(), &20_000.into()));
    let workload = runs[0]["workload"].as_str().expect("a name");
    assert!(workload.contains("a fresh command key"), "{workload}");
    assert_figures(&runs[0]);
}

#[test]
fn what_does_not_go_together_is_refused() {
    for options in [
        ["--keys", "--payload", "100"].as_slice(),
        &["--keys", "--workload", "exchange"],
        &["--snapshot-every", "1000", "--durability", "volatile"],
    ] {
        let output = run(hotledger().arg("bench").args(options));
        assert_code(&output, 2);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(options[0]), "{said}");
    }
}
