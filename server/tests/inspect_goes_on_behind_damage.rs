//! `journal inspect` prints what is sound of a damaged journal, tells the damage, and never panics.

mod support;

use std::fs;

use support::{Data, assert_code, deposit, hotledger, journal, json_lines, run};

fn three_runs() -> Data {
    let data = Data::new();
    for number in 1..=3 {
        data.apply_with(&["--snapshot-every", "0"], &[&deposit(number, number)]);
    }
    data
}

#[test]
fn what_lies_before_and_behind_the_damage_is_printed() {
    let data = three_runs();
    let events = data.inspect();
    let segment = data.segments().remove(0);
    let mut bytes = fs::read(&segment).expect("a segment");
    bytes[events[1]["offset"].as_u64().expect("an offset") as usize + 200] ^= 1;
    fs::write(&segment, bytes).expect("the flip");
    let output = run(hotledger().args(["journal", "inspect"]).arg(data.path()));
    assert_code(&output, 65);
    assert_eq!(json_lines(&output.stdout), [events[0].clone(), events[2].clone()]);
    let said = String::from_utf8_lossy(&output.stderr);
    let offset = events[1]["offset"].to_string();
    for part in ["segment-0000000001.hl", &offset, "positions 1 to 1", "1 finding(s)"] {
        assert!(said.contains(part), "`{said}` does not say `{part}`");
    }
}

#[test]
fn whatever_block_is_lost_the_rest_is_printed() {
    let data = three_runs();
    let events = data.inspect();
    let segment = data.segments().remove(0);
    let sound = fs::read(&segment).expect("a segment");
    let used = sound.iter().rposition(|byte| *byte != 0).expect("data") / 4096;
    for block in 0..=used {
        let mut bytes = sound.clone();
        bytes[block * 4096..(block + 1) * 4096].fill(0xff);
        fs::write(&segment, bytes).expect("the damage");
        let (code, printed) = journal("inspect", &data.path(), &[]);
        let lost = events.iter().filter(|event| event["offset"] == block * 4096).count();
        assert_eq!(printed.len(), events.len() - lost, "block {block}");
        assert_eq!(code, 65, "block {block}");
        for (event, sound) in
            printed.iter().zip(events.iter().filter(|it| it["offset"] != block * 4096))
        {
            assert_eq!(event["payload"], sound["payload"], "block {block}");
            assert_eq!(event["position"], sound["position"], "block {block}");
        }
    }
}

#[test]
fn a_range_of_positions_can_be_asked_for() {
    let data = Data::new();
    let lines: Vec<String> = (1..=9).map(|number| deposit(number, number)).collect();
    data.apply(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let positions = |options: &[&str]| -> Vec<u64> {
        let (code, events) = journal("inspect", &data.path(), options);
        assert_eq!(code, 0);
        events.iter().map(|event| event["position"].as_u64().expect("a position")).collect()
    };
    assert_eq!(positions(&["--from", "3", "--to", "5"]), [3, 4, 5]);
    assert_eq!(positions(&["--from", "7"]), [7, 8]);
    assert_eq!(positions(&["--to", "0"]), [0]);
    assert!(positions(&["--from", "9"]).is_empty());
}
