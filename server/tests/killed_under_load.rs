//! Killed at random instants under load, and again while it recovers: every answered line is there
//! at its position, no key took effect twice, and nothing had to be done by hand.
//!
//! `HOTLEDGER_KILLS` says how often (20 without it), `HOTLEDGER_SEED` when.

#[path = "support/client.rs"]
mod client;
#[path = "support/copy.rs"]
mod copy;
#[path = "support/script.rs"]
mod script;
#[path = "support/story.rs"]
mod story;
mod support;

use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use client::Client;
use script::Script;
use serde_json::Value;
use story::{COMMANDS_BEFORE, Found, Story, last_words};
use support::spawn;

/// Kills in one directory: enough for segments to roll several times, few enough for the whole
/// journal to be read after each.
const KILLS_A_STORY: u64 = 40;

/// Commands sent in one life at most.
const COMMANDS_A_LIFE: usize = 4_000;

/// Commands there are for one directory: for all lives in it, however quick the machine, and for
/// what comes before and behind. A life without any would never have its first answer.
const COMMANDS_A_STORY: u64 = COMMANDS_BEFORE as u64 + KILLS_A_STORY * COMMANDS_A_LIFE as u64 + 100;

/// One process in this many is killed at any time from its start, recovery included; the others
/// at any time after their first answer.
const KILLED_EARLY: u64 = 3;

/// The longest a process lives from its start, or from its first answer, in microseconds.
const LIFE_US_MAX: (u64, u64) = (30_000, 100_000);

/// Lines on their way at once: from every command its own batch to batches of many blocks.
const WINDOWS: [usize; 4] = [1, 8, 128, 4_000];

#[test]
fn what_was_answered_is_there_and_no_key_took_effect_twice() {
    let kills = setting("HOTLEDGER_KILLS", 20);
    let mut dice = Dice(setting("HOTLEDGER_SEED", 0x5eed) | 1);
    let script = Arc::new(Script::of(COMMANDS_A_STORY));
    let mut nearly_full = Story::new(Arc::clone(&script));
    nearly_full.go_on(COMMANDS_BEFORE, 1);
    let mut tally = Tally::default();
    for first in (0..kills).step_by(KILLS_A_STORY as usize) {
        let is_new = first % (2 * KILLS_A_STORY) > 0;
        let mut story = if is_new { Story::new(Arc::clone(&script)) } else { nearly_full.fork() };
        for kill in first..kills.min(first + KILLS_A_STORY) {
            let life = Life::drawn(kill, &mut dice);
            let before = (story.next, story.held);
            let answers = live_and_be_killed(&mut story, &life);
            tally.add(answers, &story.check(), story.check_state());
            story.check_names();
            tally.unanswered += u64::from(story.held > story.script.events_of(story.next));
            assert!((story.next, story.held) >= before, "nothing goes back");
        }
        story.go_on(100, 8);
        tally.answered += 100;
    }
    println!("{kills} kills: {tally:?}");
    assert!(tally.answered > 0 && tally.snapshots > 0, "the load was too light: {tally:?}");
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// When one process is to be killed.
struct Life {
    /// Whether its time runs from its start, not from its first answer.
    early: bool,
    rest: Duration,
    window: usize,
}

impl Life {
    fn drawn(number: u64, dice: &mut Dice) -> Self {
        // The one after an early kill is now and then early as well: a recovery of a recovery.
        let early = number % KILLED_EARLY == 1 || dice.below(8) == 0;
        let longest = if early { LIFE_US_MAX.0 } else { LIFE_US_MAX.1 };
        let rest = Duration::from_micros(dice.below(longest));
        Self { early, rest, window: WINDOWS[dice.below(WINDOWS.len() as u64) as usize] }
    }
}

/// What happened in all lives.
#[derive(Debug, Default)]
struct Tally {
    answered: u64,
    /// Kills before the first answer: while it started, or recovered.
    before_an_answer: u64,
    /// Kills that left events which nobody was told of.
    unanswered: u64,
    /// Kills that left a write half done.
    torn: u64,
    /// Kills behind which a snapshot was read.
    snapshots: u64,
    /// Segments that were begun between two kills.
    rolled: u64,
    /// Segments of the directory there was last.
    segments: u64,
}

impl Tally {
    fn add(&mut self, answers: usize, found: &Found, used_snapshot: bool) {
        self.answered += answers as u64;
        self.before_an_answer += u64::from(answers == 0);
        self.torn += u64::from(found.torn_bytes > 0);
        self.snapshots += u64::from(used_snapshot);
        self.rolled += u64::from(self.segments > 0 && found.segments > self.segments);
        self.segments = found.segments;
    }
}

/// How many answers came before the kill.
fn live_and_be_killed(story: &mut Story, life: &Life) -> usize {
    let mut child = spawn(story.data.command("apply").args(["--snapshot-every", "500"]));
    let client = Client::of(&mut child);
    let (first, answered) = mpsc::channel();
    let (sent, answers) = std::thread::scope(|scope| {
        let story = &*story;
        let talk = scope.spawn(move || talk(story, client, life.window, &first));
        if !life.early {
            answered.recv_timeout(Duration::from_secs(60)).expect("it recovers and answers");
        }
        std::thread::sleep(life.rest);
        kill(&mut child);
        talk.join().expect("the client")
    });
    last_words(child.stderr.take().expect("a pipe"));
    story.take_up(sent, &answers);
    answers.len()
}

fn kill(child: &mut Child) {
    assert_eq!(child.try_wait().expect("a child"), None, "it ended by itself");
    child.kill().expect("SIGKILL");
    child.wait().expect("a dead child");
}

/// Sends as fast as the window allows until the process is gone; the lines sent, the answers.
fn talk(
    story: &Story,
    mut client: Client,
    window: usize,
    first: &Sender<()>,
) -> (usize, Vec<Value>) {
    let mut answers = Vec::new();
    client.send_all(story.lines().take(COMMANDS_A_LIFE), window, |answer| {
        // Whoever kills early does not listen.
        let _ = first.send(());
        answers.push(answer);
    });
    let sent = client.sent();
    client.outlive();
    (sent, answers)
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
