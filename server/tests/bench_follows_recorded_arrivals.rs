//! `bench --arrivals` sends when the entries of a journal came, slower or faster, and leaves it be.

#[path = "support/laboratory.rs"]
mod laboratory;
mod support;

use std::path::PathBuf;

use laboratory::{assert_figures, runs};
use support::{Data, assert_code, contents, hotledger, run};
use tempfile::TempDir;

/// Deposits that are each sent once the one before is answered.
fn recorded(deposits: u64) -> (Data, PathBuf) {
    let data = Data::new();
    let deposit = r#"{"kind":"account","id":1,"command":{"Deposit":{"amount":1}}}"#;
    data.apply_one_by_one(&vec![deposit.to_owned(); deposits as usize]);
    let path = data.path();
    (data, path)
}

#[test]
fn commands_come_as_they_came_or_faster() {
    let (_data, journal) = recorded(100);
    let before = contents(&journal);
    let place = TempDir::new().expect("a directory");
    let journal_name = journal.to_str().expect("a name of text");
    let options = ["--mode", "open", "--arrivals", journal_name, "--pace", "1,2"];
    let runs = runs(&place, &[&options[..], &["--durability", "volatile", "--baseline"]].concat());
    let offered: Vec<_> = runs.iter().map(|run| run["recorded_per_s"].as_f64().unwrap()).collect();
    assert!((offered[1] / offered[0] - 2.0).abs() < 0.01, "twice as fast: {offered:?}");
    // Away from the mean by a round at most.
    for (run, pace) in runs.iter().zip([1, 2]) {
        assert_eq!((&run["mode"], &run["pace"]), (&"open".into(), &pace.into()));
        assert_figures(run);
        assert_figures(&run["baseline"]);
        let commands = run["commands"].as_f64().unwrap();
        let expected = offered[pace - 1];
        assert!((commands - expected).abs() <= 101.0, "{commands} of {expected}");
        assert!(run["latency_us"]["p50"].as_f64() >= run["service_us"]["p50"].as_f64());
        assert_eq!(run["invalid"].is_string(), run["valid"] == false, "{run}");
    }
    assert_eq!(contents(&journal), before, "it is only read");
}

#[test]
fn what_is_no_pattern_is_refused() {
    let (_data, one_entry) = recorded(1);
    let place = TempDir::new().expect("a directory");
    let open = &["--mode", "open", "--arrivals"][..];
    let nowhere = place.path().join("nowhere");
    for (code, options, journal, more) in [
        (2, &["--arrivals"][..], &one_entry, &[][..]),
        (2, open, &one_entry, &["--rate", "100"]),
        (2, open, &one_entry, &["--pace", "11"]),
        (74, open, &one_entry, &[]),
        (74, open, &nowhere, &[]),
    ] {
        let mut command = hotledger();
        command.current_dir(place.path()).arg("bench").args(options).arg(journal).args(more);
        assert_code(&run(&mut command), code);
    }
    let pace_alone = run(hotledger().args(["bench", "--mode", "open", "--pace", "2"]));
    assert_code(&pace_alone, 2);
}
