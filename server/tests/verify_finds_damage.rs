//! `journal verify` ends in a summary, and finds a changed byte wherever it is.

mod support;

use std::fs;

use serde_json::Value;
use support::{Data, assert_code, contents, deposit, hotledger, json_lines, run};

fn verify(data: &Data) -> (i32, Vec<Value>) {
    let output = run(hotledger().args(["journal", "verify"]).arg(data.path()));
    let code = output.status.code().expect("it was not killed");
    assert_code(&output, code);
    (code, json_lines(&output.stdout))
}

#[test]
fn a_sound_journal_has_no_findings() {
    let data = Data::new();
    let transfer = r#"{"transact":{"Transfer":{"from":1,"to":2,"amount":3}}}"#;
    data.apply(&[&deposit(1, 9), transfer]);
    let chain = data.apply(&[&deposit(2, 1)])[0]["chain"].clone();
    let (code, lines) = verify(&data);
    assert_eq!(code, 0);
    assert_eq!(lines.len(), 1, "only the summary");
    let summary = &lines[0];
    assert_eq!(summary["findings"], 0);
    assert_eq!(summary["entries"], 3);
    assert_eq!(summary["events"], 4);
    assert_eq!(summary["last_position"], 3);
    assert_eq!(summary["torn_bytes"], 0);
    assert!(summary["segments"].as_u64() >= Some(1));
    assert_eq!(summary["chain"].as_str().map(str::len), chain.as_str().map(str::len));
}

#[test]
fn a_flip_anywhere_in_the_data_is_found() {
    let data = Data::new();
    for amount in 1..4 {
        data.apply(&[&deposit(1, amount)]);
    }
    let segment = data.segments().remove(0);
    let sound = fs::read(&segment).expect("a segment");
    let used = sound.iter().rposition(|byte| *byte != 0).expect("data") + 1;
    for place in (0..used).step_by(used / 37) {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x10;
        fs::write(&segment, &bytes).expect("the flip");
        let before = contents(&data.path());
        let (code, lines) = verify(&data);
        let summary = lines.last().expect("a summary");
        // The very last batch says that the journal was closed; without it the tail is torn.
        let torn = summary["torn_bytes"].as_u64() > Some(0);
        assert!(code == 65 || torn, "a flip at byte {place} was not seen: {summary}");
        if code == 65 {
            assert!(summary["findings"].as_u64() > Some(0));
            assert_eq!(lines[0]["file"], "segment-0000000001.hl");
            assert!(lines[0]["offset"].is_u64());
            assert!(lines[0]["kind"].is_string());
        }
        assert_eq!(contents(&data.path()), before, "verifying changes nothing");
    }
}
