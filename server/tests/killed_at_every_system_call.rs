//! Killed as it enters its first system call, its second, and so on, in recovery and under load:
//! what was answered is there, nothing took effect twice, and the next process just goes on.
//!
//! Calls are counted over all threads in the order in which they are entered, from the first one
//! of the program; the one it dies in is not executed. `HOTLEDGER_SYSCALLS=2000` kills at each of
//! the first 2,000, once in a new directory and once in one with a torn tail; without it 20 points
//! of each are taken.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "support/client.rs"]
mod client;
#[path = "support/copy.rs"]
mod copy;
#[path = "support/script.rs"]
mod script;
#[path = "support/story.rs"]
mod story;
mod support;
#[path = "support/tracer.rs"]
mod tracer;

use std::collections::BTreeMap;
use std::sync::Arc;

use client::Client;
use nix::sys::signal::Signal;
use script::Script;
use serde_json::Value;
use story::Story;
use tracer::{End, Meddling, Ring, Seen};

/// The calls that are killed in.
const CALLS: u64 = 2_000;

/// Points where nothing else is asked for.
const POINTS: u64 = 20;

/// Commands that make more calls than that, one after the other.
const COMMANDS: usize = 400;

#[test]
fn in_a_new_directory() {
    let script = Arc::new(Script::of(1_000));
    sweep("new", || Story::new(script));
}

#[test]
fn in_a_directory_with_a_torn_tail() {
    let script = Arc::new(Script::of(3_000));
    sweep("torn", || Story::torn(&script));
}

fn sweep(name: &str, begin: impl FnOnce() -> Story) {
    if !tracer::is_allowed() {
        return;
    }
    let begin = begin();
    let whole = live(&mut begin.fork(), Meddling::None).0;
    assert_eq!(whole.end, End::Code(0), "{}", whole.said);
    assert!(whole.calls > CALLS, "only {} calls in all", whole.calls);
    let (mut killed_in, mut before_an_answer) = (BTreeMap::<_, u64>::new(), 0);
    for at in points() {
        let mut story = begin.fork();
        let (seen, answers) = live(&mut story, Meddling::Kill(at));
        assert_eq!(seen.end, End::Signal(Signal::SIGKILL), "call {at}: {}", seen.said);
        let call = seen.killed_in.expect("it died where it was to die");
        println!("{name}: call {at}, {}: {answers} answers", tracer::name(call));
        *killed_in.entry(tracer::name(call)).or_default() += 1;
        before_an_answer += u64::from(answers == 0);
        story.check();
        story.go_on(30, 8);
        story.check_names();
    }
    println!("{name}: {before_an_answer} before an answer, in {killed_in:?}");
}

/// The calls to kill in: all, or some that lie closer together in the beginning, where a directory
/// is made or recovered and hardly two calls are alike.
fn points() -> impl Iterator<Item = u64> {
    let wanted = std::env::var("HOTLEDGER_SYSCALLS")
        .map_or(POINTS, |text| text.parse().expect("a number"))
        .clamp(1, CALLS);
    (0..wanted).map(move |index| {
        1 + if wanted == CALLS { index } else { index * index * CALLS / (wanted * wanted) }
    })
}

/// One life with one command at a time; how many were answered.
fn live(story: &mut Story, meddling: Meddling) -> (Seen, usize) {
    let mut command = story.data.command("apply");
    command.args(["--snapshot-every", "40"]);
    let talk = |client| talk(story, client);
    let (seen, (sent, answers)) = tracer::run(&command, Ring::Allowed, meddling, talk);
    story.take_up(sent, &answers);
    (seen, answers.len())
}

fn talk(story: &Story, mut client: Client) -> (usize, Vec<Value>) {
    let mut answers = Vec::new();
    client.send_all(story.lines().take(COMMANDS), 1, |answer| answers.push(answer));
    (client.sent(), answers)
}
