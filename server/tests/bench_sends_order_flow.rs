//! `bench --workload exchange` runs order flow round and round and proves that no book went astray.

#[path = "support/laboratory.rs"]
mod laboratory;
mod support;

use std::fs;

use laboratory::{assert_figures, bench, runs};
use serde_json::{Value, json};
use support::{assert_code, hotledger, one_json, run};
use tempfile::TempDir;

/// Two orders, half of the first is executed, one from before is deleted, a hidden one is
/// executed; one of the first two is made smaller.
const MESSAGES: &str = "\
34200.1,1,11,10,1000000,1
34200.2,1,12,10,1000100,-1
34200.3,4,11,5,1000000,1
34200.4,3,7,10,1000000,1
34200.5,5,0,3,1000000,1
34200.6,2,12,4,1000100,-1
";

const FILE: &str = "ACME_2012-06-21_34200000_37800000_message_50.csv";

const EXCHANGE: [&str; 2] = ["--workload", "exchange"];

fn recorded() -> TempDir {
    let place = TempDir::new().expect("a directory");
    fs::write(place.path().join(FILE), MESSAGES).expect("a recording");
    place
}

fn with(options: &[&'static str]) -> Vec<&'static str> {
    [&EXCHANGE, options].concat()
}

#[test]
fn a_recording_is_repeated_with_fresh_orders_until_the_time_is_over() {
    let place = recorded();
    let options = with(&["--messages", FILE, "--data", "kept", "--in-flight", "64"]);
    let runs = runs(&place, &options);
    assert_eq!(runs.len(), 2, "closed, then pipelined, in the same book");
    for run in &runs {
        assert_eq!((&run["valid"], &run["aggregates"]), (&json!(true), &json!(1)), "{run}");
        assert_figures(run);
        let [commands, refused] = ["commands", "refused"].map(|it| run[it].as_u64().unwrap());
        let share = refused as f64 / commands as f64;
        assert!((share - 1.0 / 7.0).abs() < 0.01, "one of 7 commands: {refused} of {commands}");
        let rate = run["rate_per_s"].as_f64().unwrap() * run["seconds"].as_f64().unwrap();
        assert!(rate <= (commands - refused) as f64 + 1.0, "refused ones are not in the rate");
        let proved = run["proved"].as_str().expect("words");
        assert!(proved.contains("the book is empty again"), "{proved}");
    }
    let kept = place.path().join("kept");
    let book = run(hotledger().arg("state").arg("--data").arg(&kept).args(["book", "ACME"]));
    assert_code(&book, 0);
    assert_eq!(one_json(&book.stdout)["state"], json!({"bids": [], "asks": []}));
    assert_code(&run(hotledger().args(["journal", "verify"]).arg(&kept)), 0);
}

#[test]
fn without_a_recording_the_flow_is_made_up_and_nothing_of_it_is_refused() {
    let place = TempDir::new().expect("a directory");
    let table = bench(&place, &with(&["--mode", "pipelined", "--json", "runs.json"]));
    for word in ["MADE-UP", "0.00 % are refused", "1 aggregate;", "proved: ", "digest"] {
        assert!(table.contains(word), "{word} is missing:\n{table}");
    }
    let text = fs::read_to_string(place.path().join("runs.json")).expect("the runs");
    let runs: Value = serde_json::from_str(&text).expect("an array");
    assert_eq!((&runs[0]["refused"], &runs[0]["valid"]), (&json!(0), &json!(true)));
}

#[test]
fn each_client_has_books_of_its_own() {
    let place = recorded();
    let load = ["--clients", "2", "--aggregates", "5", "--mode", "open", "--rate", "2000"];
    let options =
        [&with(&["--messages", FILE, "--durability", "volatile", "--baseline"]), &load[..]];
    for run in runs(&place, &options.concat()) {
        assert_eq!((&run["aggregates"], &run["commands"]), (&json!(5), &json!(2_000)));
        assert!(run["proved"].as_str().expect("words").contains("all books are"), "{run}");
        assert_eq!(run["failed"], 0);
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let place = recorded();
    fs::write(place.path().join("bad.csv"), "34200.1,1,eleven,10,1000000,1\n").expect("a file");
    for (code, options) in [
        (2, with(&["--clients", "2", "--aggregates", "1"])),
        (2, with(&["--payload", "100"])),
        (2, vec!["--messages", FILE]),
        (65, with(&["--messages", "bad.csv"])),
        (74, with(&["--messages", "nowhere.csv"])),
    ] {
        let mut command = hotledger();
        let output = run(command.current_dir(place.path()).arg("bench").args(&options));
        assert_code(&output, code);
    }
}
