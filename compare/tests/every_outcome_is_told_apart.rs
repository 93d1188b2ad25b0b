//! Each outcome is counted as what it is: stores that are wrong on purpose are found out, and
//! hotledger loses nothing without a word.

use std::process::Command;

use serde_json::Value;

/// Harms a store a few times; gives its rows by harm.
fn harm(store: &str, more: &[&str]) -> Result<Vec<Value>, String> {
    let json = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_hotledger-compare"))
        .args(["harm", "--only", store, "--json"])
        .arg(json.path())
        .args(more)
        .output()
        .expect("the harness runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let table = String::from_utf8(output.stdout).expect("text");
    assert!(table.starts_with("| harm | store |"), "{table}");
    let report: Value = serde_json::from_reader(json).expect("JSON");
    Ok(report["stores"][0]["rows"].as_array().expect("rows").clone())
}

/// Flips four bits; gives how often each outcome came.
fn flips(store: &str) -> [u64; 5] {
    let few = ["--harms", "flip", "--trials", "4", "--records", "12", "--patience-s", "3"];
    outcomes(&harm(store, &few).expect("a run")[0])
}

fn outcomes(row: &Value) -> [u64; 5] {
    ["identical", "refused", "panics", "hangs", "silent"]
        .map(|outcome| row[outcome].as_u64().expect("a count"))
}

#[test]
fn a_record_that_is_left_out_is_a_silent_loss() {
    assert_eq!(flips("planted-skips"), [0, 0, 0, 0, 4]);
}

#[test]
fn a_panic_is_a_panic_on_whichever_thread() {
    assert_eq!(flips("planted-panics"), [0, 0, 4, 0, 0]);
    assert_eq!(flips("planted-panics-aside"), [0, 0, 4, 0, 0]);
}

#[test]
fn a_store_that_does_not_come_back_is_hung() {
    assert_eq!(flips("planted-hangs"), [0, 0, 0, 4, 0]);
}

#[test]
fn an_error_is_a_refusal() {
    assert_eq!(flips("planted-refuses"), [0, 4, 0, 0, 0]);
}

#[test]
fn a_store_that_is_not_whole_before_it_is_harmed_stops_the_run() {
    let few = ["--harms", "flip", "--trials", "2", "--records", "5"];
    let error = harm("planted-forgets", &few).expect_err("it lost records");
    assert!(error.contains("not otherwise harmed"), "{error}");
}

#[test]
fn what_is_acknowledged_and_not_written_is_lost_in_a_kill() {
    let rows = harm("planted-forgets", &["--harms", "kill", "--trials", "16"]).expect("a run");
    let [_, refused, panics, hangs, silent] = outcomes(&rows[0]);
    assert_eq!([refused, panics, hangs], [0, 0, 0]);
    assert!(silent > 0, "it holds back acknowledged records, and yet nothing was lost");
}

#[test]
fn hotledger_refuses_damage_and_outlives_kills() {
    let few = ["--harms", "flip,zero,cut,kill", "--trials", "8", "--records", "12"];
    let rows = harm("hotledger", &few).expect("a run");
    for row in &rows {
        let [identical, refused, panics, hangs, silent] = outcomes(row);
        assert_eq!([panics, hangs, silent], [0, 0, 0], "{row}");
        if row["harm"] == "kill" {
            assert_eq!(refused, 0, "a kill is no damage: {row}");
        } else {
            assert!(refused > 0 && identical < refused, "damage went unnoticed: {row}");
        }
    }
    assert_eq!(rows.len(), 4);
}

#[test]
fn every_compared_store_runs_through_every_harm() {
    for store in ["sqlite", "redb", "fjall"] {
        let rows = harm(store, &["--trials", "4", "--records", "8"]).expect("a run");
        let trials: Vec<u64> = rows.iter().map(|row| outcomes(row).iter().sum()).collect();
        assert_eq!(trials, [4, 2, 2, 1, 1], "{store}");
    }
}
