//! One data directory through many ends of its process, and what must hold after each of them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ChildStderr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::client::Client;
use crate::copy::{copy_sparse, files, is_zero, wipe_last_sector};
use crate::script::{ACCOUNTS, Script};
use crate::support::{Data, assert_code, hotledger, one_json, run, spawn};

/// Snapshots that may lie there: two are kept, and a kill may come before a third is removed.
const SNAPSHOTS_MAX: usize = 3;

/// Commands that leave the first segment nearly full when each has a block of its own.
pub(crate) const COMMANDS_BEFORE: usize = 1_400;

/// A directory, and what was said about it.
pub(crate) struct Story {
    pub(crate) data: Data,
    pub(crate) script: Arc<Script>,
    /// The first command that was not answered.
    pub(crate) next: usize,
    /// Behind the last command that may have reached a process.
    reach: usize,
    /// Events the journal was seen to hold.
    pub(crate) held: u64,
    /// The chain that each position was answered with.
    told: BTreeMap<u64, String>,
}

/// What lay in the directory after a process ended.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Segments with data.
    pub(crate) segments: u64,
    /// Bytes of a write that was cut.
    pub(crate) torn_bytes: u64,
}

#[derive(Deserialize)]
struct Summary {
    segments: u64,
    events: u64,
    findings: u64,
    torn_bytes: u64,
}

/// An event as `journal inspect` prints it.
#[derive(Deserialize)]
struct EventLine {
    position: u64,
    id: Uuid,
    version: u64,
    #[serde(rename = "type")]
    what: String,
    key: Uuid,
    payload: Payload,
    chain: String,
}

#[derive(Deserialize)]
struct Payload {
    amount: u64,
}

impl Story {
    /// A directory that does not exist yet.
    pub(crate) fn new(script: Arc<Script>) -> Self {
        Self { data: Data::new(), script, next: 0, reach: 0, held: 0, told: BTreeMap::new() }
    }

    /// A directory with snapshots, whose first segment is nearly full and ends in a torn write, and
    /// in which the next segment is still to be prepared.
    pub(crate) fn torn(script: &Arc<Script>) -> Self {
        let mut story = Self::new(Arc::clone(script));
        story.go_on(COMMANDS_BEFORE, 1);
        story.flood_and_die();
        story.tear();
        story.remove_spare();
        assert!(story.check().torn_bytes > 0, "the write is cut");
        assert!(story.check_state(), "there is a snapshot");
        story
    }

    /// A crash may come before there is a spare; the segment in front of it is not sealed.
    fn remove_spare(&self) {
        let spare = self.data.path().join("segment-0000000002.hl");
        assert!(is_zero(&spare), "the journal has not rolled yet");
        std::fs::remove_file(spare).expect("a file");
    }

    fn flood_and_die(&mut self) {
        let mut child = spawn(&mut self.data.command("apply"));
        let mut client = Client::of(&mut child);
        let mut answers = Vec::new();
        client.send_all(self.lines().take(60), 60, |answer| answers.push(answer));
        child.kill().expect("SIGKILL");
        child.wait().expect("a dead child");
        self.take_up(client.sent(), &answers);
    }

    /// A copy of the directory with the same past; only what is not zero is written.
    pub(crate) fn fork(&self) -> Self {
        let data = Data::new();
        if self.data.path().exists() {
            copy_sparse(&self.data.path(), &data.path());
        }
        let (script, told) = (Arc::clone(&self.script), self.told.clone());
        Self { data, script, told, ..*self }
    }

    /// The lines from the first unanswered one on.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        (self.next..self.script.len()).map(|number| self.script.line(number))
    }

    /// Notes what a process answered to the next commands, of which it was sent so many.
    pub(crate) fn take_up(&mut self, sent: usize, answers: &[Value]) {
        self.reach = self.reach.max(self.next + sent);
        for answer in answers {
            if let Some(position) = self.script.check(self.next, self.held, answer) {
                let chain = answer["chain"].as_str().expect("a chain").to_owned();
                let before = self.told.insert(position, chain.clone());
                assert!(before.is_none_or(|before| before == chain), "two chains: {answer}");
            }
            self.next += 1;
        }
        assert!(self.next <= self.reach, "no answer without a line");
    }

    /// Cuts the last write short, as if the process had died in it before it could answer.
    pub(crate) fn tear(&mut self) {
        let files = files(&self.data.path());
        let is_segment = |path: &&PathBuf| name_of(path).starts_with("segment-");
        // The spare behind the last write is all zeros.
        let torn = files.iter().rev().filter(is_segment).any(|path| wipe_last_sector(path));
        assert!(torn, "there is a last write");
        let events = self.verify().events;
        assert!(self.script.is_whole(events), "commands are lost whole");
        self.told.split_off(&events);
        self.held = events;
        self.next = self.script.first_beyond(events).min(self.next);
    }

    /// Checks the journal that the process left, without opening it for writing: sound, whole, with
    /// everything that was answered, and nothing else.
    pub(crate) fn check(&mut self) -> Found {
        if !self.data.path().exists() {
            assert!(self.told.is_empty() && self.held == 0, "the directory is gone");
            return Found::default();
        }
        let summary = self.verify();
        let events = summary.events;
        assert!(events >= self.held, "{} events were there, {events} are left", self.held);
        assert!(events <= self.script.events_of(self.reach), "events out of nowhere");
        assert!(self.script.is_whole(events), "a command is all or none: {events} events");
        let told = self.told.last_key_value().map_or(0, |(position, _)| position + 1);
        assert!(told <= events, "position {} was answered, {events} events are left", told - 1);
        self.compare_events(events);
        self.held = events;
        let Summary { segments, torn_bytes, .. } = summary;
        Found { segments, torn_bytes }
    }

    /// Checks the state that the checked journal comes to, by way of a snapshot and from zero;
    /// whether there was a snapshot.
    pub(crate) fn check_state(&self) -> bool {
        if !self.data.path().exists() {
            return false;
        }
        self.compare_account(self.held % ACCOUNTS);
        let (with, without) = (self.data.digest(&[]), self.data.digest(&["--from-zero"]));
        assert_eq!(with["digest"], without["digest"], "the snapshot says something else");
        assert_eq!(with["position"].as_u64(), self.held.checked_sub(1), "{with}");
        !with["snapshot_position"].is_null()
    }

    /// Goes on with so many new commands in a process that is left alone, this many on their way at
    /// once, and ends in good order.
    pub(crate) fn go_on(&mut self, commands: usize, window: usize) {
        // What may have reached a process and was not answered comes first.
        let commands = self.reach - self.next + commands;
        let mut child = spawn(self.data.command("apply").args(["--snapshot-every", "100"]));
        let mut client = Client::of(&mut child);
        let mut answers = Vec::new();
        client.send_all(self.lines().take(commands), window, |answer| answers.push(answer));
        let sent = client.sent();
        drop(client);
        let output = child.wait_with_output().expect("hotledger ends");
        assert_code(&output, 0);
        assert_eq!(answers.len(), commands.min(self.script.len() - self.next), "all is answered");
        self.take_up(sent, &answers);
        assert_eq!(self.check().torn_bytes, 0, "recovery wipes what was torn");
        self.check_state();
        assert_eq!(self.held, self.script.events_of(self.next), "nothing but what was answered");
    }

    fn verify(&self) -> Summary {
        let output = run(hotledger().args(["journal", "verify"]).arg(self.data.path()));
        assert_code(&output, 0);
        let summary = one_json(&output.stdout);
        let summary: Summary = serde_json::from_value(summary).expect("a summary");
        assert_eq!(summary.findings, 0);
        summary
    }

    fn compare_events(&self, count: u64) {
        let mut inspect = spawn(hotledger().args(["journal", "inspect"]).arg(self.data.path()));
        let mut lines = BufReader::new(inspect.stdout.take().expect("a pipe")).lines();
        let mut told = self.told.iter().peekable();
        for (position, expected) in (0..).zip(self.script.events(count)) {
            let line = lines.next().expect("as many events as were verified").expect("text");
            let line: EventLine = serde_json::from_str(&line).expect("an event");
            assert_eq!(line.position, position, "positions have no gap");
            assert_eq!(
                (line.key, line.id, line.version, line.what.as_str(), line.payload.amount),
                (expected.key, expected.account, expected.version, expected.what, expected.amount),
                "another event is at position {position}"
            );
            if let Some((_, chain)) = told.next_if(|(at, _)| **at == position) {
                assert_eq!(*chain, line.chain, "other bytes than answered at {position}");
            }
        }
        assert!(lines.next().is_none(), "no event beyond those verified");
        assert!(told.next().is_none(), "every answered position is there");
        assert!(inspect.wait().expect("it ends").success());
    }

    fn compare_account(&self, account: u64) {
        let found = self.data.state("account", &account.to_string(), &[]);
        let (version, balance) = self.script.account(account, self.held);
        assert_eq!(found["version"], version, "{found}");
        assert_eq!(found["state"]["balance"].as_u64().unwrap_or(0), balance, "{found}");
    }

    /// However often it was killed, the directory does not fill with leftovers.
    pub(crate) fn check_names(&self) {
        if !self.data.path().exists() {
            return;
        }
        let (mut snapshots, mut unfinished) = (0, 0);
        for path in files(&self.data.path()) {
            match name_of(&path) {
                "lock" => {}
                "snapshot.unfinished" => unfinished += 1,
                name if name.ends_with(".hl.fresh") => unfinished += 1,
                name if name.starts_with("snapshot-") => snapshots += 1,
                name => assert!(name.starts_with("segment-"), "{name} was left behind"),
            }
        }
        assert!(snapshots <= SNAPSHOTS_MAX, "{snapshots} snapshots were left behind");
        assert!(unfinished <= 2, "{unfinished} unfinished files were left behind");
    }
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).expect("a name")
}

/// What a process writes to standard error up to its end; it never is a panic.
pub(crate) fn last_words(mut stderr: ChildStderr) -> String {
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("text");
    assert!(!said.contains("panicked"), "it panicked: {said}");
    said
}
