//! Killed at random instants under load and restarted: every answered line is there at its
//! position, no key took effect twice, and nothing had to be done by hand.
//!
//! `HOTLEDGER_KILLS` says how often (20 without it), `HOTLEDGER_SEED` when.

mod support;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use serde_json::Value;
use support::{Data, assert_code, hotledger, json_lines, run_with, spawn};
use uuid::Uuid;

/// Accounts the load is spread over.
const ACCOUNTS: u64 = 50;

/// One process in this many is killed at any time from its start, recovery included; the others
/// at any time after their first answer.
const KILLED_EARLY: u64 = 4;

/// The longest a process lives from its start, or from its first answer, in microseconds.
const LIFE_US_MAX: (u64, u64) = (150_000, 50_000);

/// Lines sent in one life at most, so that 200 lives stay a journal that is quickly read.
const LINES_A_LIFE_MAX: usize = 20_000;

#[test]
fn what_was_answered_is_there_and_no_key_took_effect_twice() {
    let kills = setting("HOTLEDGER_KILLS", 20);
    let mut dice = Dice(setting("HOTLEDGER_SEED", 0x5eed) | 1);
    let data = Data::new();
    let mut story = Story::default();
    for kill in 0..kills {
        let early = kill.is_multiple_of(KILLED_EARLY);
        let longest = if early { LIFE_US_MAX.0 } else { LIFE_US_MAX.1 };
        let life = Life { number: kill, early, rest: Duration::from_micros(dice.below(longest)) };
        story.live_and_be_killed(&data, &life);
    }
    story.finish(&data);
    story.compare_with_the_journal(&data);
    println!("{kills} kills, {} commands, {} answers", story.next, story.answered.len());
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// When one process is to be killed.
struct Life {
    number: u64,
    /// Whether its time runs from its start, not from its first answer.
    early: bool,
    rest: Duration,
}

/// What was sent and what was answered over all lives.
#[derive(Default)]
struct Story {
    /// The number of the next new command.
    next: u64,
    /// Sent and not answered: sent again in the next life, with the same keys.
    unanswered: Vec<u64>,
    /// The position each command was answered with.
    answered: HashMap<u64, u64>,
}

impl Story {
    fn live_and_be_killed(&mut self, data: &Data, life: &Life) {
        let mut child = spawn(data.command("apply").args(["--snapshot-every", "5000"]));
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().expect("a pipe");
        let mut numbers = std::mem::take(&mut self.unanswered);
        let repeated = numbers.len();
        numbers.extend(self.next..self.next + LINES_A_LIFE_MAX as u64);
        let stop = Arc::new(AtomicBool::new(false));
        let feeder = feed(stdin, numbers.clone(), Arc::clone(&stop));
        let (first, answered) = mpsc::channel();
        let reader = std::thread::spawn(move || answers_of(stdout, &first));
        if !life.early {
            answered.recv_timeout(Duration::from_secs(60)).expect("it recovers and answers");
        }
        std::thread::sleep(life.rest);
        assert_eq!(child.try_wait().expect("a child"), None, "life {} ended", life.number);
        child.kill().expect("SIGKILL");
        child.wait().expect("a dead child");
        stop.store(true, Ordering::Relaxed);
        let sent = feeder.join().expect("the feeder");
        // What did not even get to be repeated is still to be answered.
        let open = &numbers[..sent.max(repeated)];
        self.take_up(open, reader.join().expect("the reader"));
    }

    /// Sends everything that was never answered once more and lets the process end by itself.
    fn finish(&mut self, data: &Data) {
        let numbers = std::mem::take(&mut self.unanswered);
        let lines: Vec<String> = numbers.iter().map(|number| line(*number)).collect();
        let output = run_with(&mut data.command("apply"), (lines.join("\n") + "\n").as_bytes());
        assert_code(&output, 0);
        self.take_up(&numbers, json_lines(&output.stdout));
        assert!(self.unanswered.is_empty(), "everything is answered in the end");
    }

    fn take_up(&mut self, sent: &[u64], answers: Vec<Value>) {
        assert!(answers.len() <= sent.len(), "no answer without a line");
        for (index, (number, answer)) in sent.iter().zip(&answers).enumerate() {
            assert_eq!(answer["line"], index + 1, "in the order of the input");
            let outcome = answer["outcome"].as_str().expect("an outcome");
            assert!(["committed", "duplicate"].contains(&outcome), "{answer}");
            let position = answer["position"].as_u64().expect("a position");
            assert_eq!(self.answered.insert(*number, position), None);
        }
        self.unanswered = sent[answers.len()..].to_vec();
        self.next = self.next.max(sent.iter().max().map_or(0, |last| last + 1));
    }

    fn compare_with_the_journal(&self, data: &Data) {
        let journal = Journal::read(data);
        for (number, position) in &self.answered {
            let events = journal.by_key.get(number).unwrap_or_else(|| {
                panic!("command {number} was answered with {position} and is gone")
            });
            assert_eq!(events.last(), Some(position), "command {number} has moved");
            assert_eq!(events.len(), events_of(*number), "command {number} took effect twice");
        }
        assert_eq!(journal.by_key.len(), self.answered.len(), "no command out of nowhere");
        for account in 0..ACCOUNTS {
            let state = data.state("account", &account.to_string(), &[]);
            assert_eq!(state["version"], journal.versions[&account]);
        }
        let digest = data.digest(&[]);
        assert_eq!(digest["digest"], data.digest(&["--from-zero"])["digest"]);
    }
}

/// What `journal inspect` says.
#[derive(Default)]
struct Journal {
    /// The positions of the events of each command.
    by_key: HashMap<u64, Vec<u64>>,
    /// The last version of each account.
    versions: BTreeMap<u64, u64>,
}

impl Journal {
    fn read(data: &Data) -> Self {
        let mut journal = Self::default();
        let mut inspect = spawn(hotledger().args(["journal", "inspect"]).arg(data.path()));
        let lines = BufReader::new(inspect.stdout.take().expect("a pipe")).lines();
        for (position, line) in lines.enumerate() {
            let event: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
            assert_eq!(event["position"], position, "positions have no gap");
            let account = number_of(&event["id"]);
            let version = journal.versions.entry(account).or_default();
            *version += 1;
            assert_eq!(event["version"], *version, "versions have no gap");
            let events = journal.by_key.entry(number_of(&event["key"])).or_default();
            events.push(position as u64);
        }
        assert!(inspect.wait().expect("it ends").success());
        journal
    }
}

fn number_of(uuid: &Value) -> u64 {
    let uuid: Uuid = uuid.as_str().expect("a UUID").parse().expect("a UUID");
    u64::try_from(uuid.as_u128()).expect("a small number")
}

/// The line for a command: deposits, and every seventh a transfer of money that is surely there.
fn line(number: u64) -> String {
    let key = Uuid::from_u128(number.into());
    let account = number % ACCOUNTS;
    let what = if events_of(number) == 2 {
        let to = (account + 1) % ACCOUNTS;
        format!(r#""transact":{{"Transfer":{{"from":{account},"to":{to},"amount":1}}}}"#)
    } else {
        format!(r#""kind":"account","id":{account},"command":{{"Deposit":{{"amount":9}}}}"#)
    };
    format!(r#"{{{what},"key":"{key}"}}"#)
}

/// The first round over the accounts only puts money in.
fn events_of(number: u64) -> usize {
    if number >= ACCOUNTS && number.is_multiple_of(7) { 2 } else { 1 }
}

/// Writes lines until the process is gone; gives how many may have reached it.
fn feed(
    stdin: ChildStdin,
    numbers: Vec<u64>,
    stop: Arc<AtomicBool>,
) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut stdin = BufWriter::new(stdin);
        for (sent, number) in numbers.iter().enumerate() {
            if writeln!(stdin, "{}", line(*number)).is_err() {
                return sent + 1;
            }
        }
        // The stream stays open: only the kill ends this life.
        let _ = stdin.flush();
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        numbers.len()
    })
}

/// The answers that came out whole; the kill may have cut the last one.
fn answers_of(stdout: ChildStdout, first: &Sender<()>) -> Vec<Value> {
    let mut stdout = BufReader::new(stdout);
    let mut answers = Vec::new();
    let mut line = String::new();
    while stdout.read_line(&mut line).expect("text") > 0 && line.ends_with('\n') {
        if answers.is_empty() {
            // Whoever kills early does not listen.
            let _ = first.send(());
        }
        answers.push(serde_json::from_str(&line).expect("JSON"));
        line.clear();
    }
    answers
}

/// xorshift64*, so that a seed repeats the instants.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}
