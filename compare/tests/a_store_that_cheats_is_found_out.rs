//! A store that answers before it syncs, or that does not give back what it answered for, is told
//! of in the table of `speed`.

use std::process::{Command, Output};

use serde_json::Value;

/// Said instead where the raw write has no processor to itself: nobody is accused there.
const BUSY: &str = "The machine was busy";

const NOT_SYNCED: &str = "Does not sync?";

/// Times a store for a moment, in two rounds; gives what was printed, and the figures.
fn speed(only: &str) -> (Output, Value) {
    let json = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_hotledger-compare"))
        .args(["speed", "--only", only, "--rounds", "2", "--seconds", "0.05", "--json"])
        .arg(json.path())
        .output()
        .expect("the harness runs");
    (output, serde_json::from_reader(json).expect("JSON"))
}

fn table(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn an_answer_sooner_than_the_disk_can_give_it_is_told() {
    let (output, report) = speed("planted-lazy,planted-sound");
    assert!(output.status.success(), "{output:?}");
    let table = table(&output);
    let mut told = table.lines().filter(|line| line.contains(NOT_SYNCED));
    let told = told.any(|line| line.starts_with("- **planted-lazy"));
    assert!(told || table.contains(BUSY), "{table}");
    let names = report["peers"].as_array().expect("peers").iter().map(|it| it["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["raw", "planted-sound", "planted-lazy"]);
}

#[test]
fn a_record_that_does_not_come_back_fails_the_turn_and_the_run() {
    let (output, report) = speed("planted-forgetful");
    assert!(!output.status.success(), "it forgot a record");
    assert!(table(&output).contains("**Failed:**"), "{output:?}");
    let forgetful = &report["peers"][1];
    assert_eq!(forgetful["failures"].as_array().expect("failures").len(), 2);
    let failure = forgetful["failures"][0].as_str().expect("text");
    assert!(failure.contains("was acknowledged"), "{failure}");
    assert!(forgetful["turns"][0].is_null(), "no figure of a store that lost something");
    assert!(report["peers"][0]["turns"][1].is_object(), "the others are told of all the same");
}

#[test]
fn every_embedded_peer_takes_its_turns() {
    let embedded = "hotledger,tephra,umadb,okaywal,fjall,redb,sqlite,disruptor";
    let (output, report) = speed(embedded);
    assert!(output.status.success(), "{output:?}");
    let peers = report["peers"].as_array().expect("peers");
    assert_eq!(peers.len(), 1 + embedded.split(',').count());
    for peer in &peers[1..] {
        let name = peer["name"].as_str().expect("a name");
        for turn in peer["turns"].as_array().expect("turns") {
            for shape in [&turn["one"], &turn["many"], &turn["best"][0]] {
                assert!(shape["records_per_s"].as_f64().is_some_and(|it| it > 0.0), "{name}");
            }
            assert_eq!(turn["read"].is_object(), name != "disruptor", "{name}");
        }
    }
    assert!(report["machine"]["processor"].is_string() && report["machine"]["date"].is_string());
}

/// Where there is a server to test with, its address is in this variable.
const SERVER: &str = "HOTLEDGER_COMPARE_POSTGRES";

#[test]
fn a_server_that_is_named_takes_its_turns() {
    let Ok(url) = std::env::var(SERVER) else {
        eprintln!("no {SERVER}, no test");
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_hotledger-compare"))
        .args(["speed", "--only", "postgres", "--rounds", "2", "--seconds", "0.05"])
        .args(["--postgres", &url])
        .output()
        .expect("the harness runs");
    let table = table(&output);
    assert!(output.status.success() && table.contains("\n| postgres |"), "{output:?}");
    assert!(!table.contains(&url), "an address may hold a password: {table}");
}

#[test]
fn a_store_that_there_is_not_is_no_store() {
    for (only, told) in [("nothing", "no peer is called"), ("postgres", "--postgres")] {
        let output = Command::new(env!("CARGO_BIN_EXE_hotledger-compare"))
            .args(["speed", "--only", only])
            .output()
            .expect("the harness runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(told), "{said}");
    }
}
