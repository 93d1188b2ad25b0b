//! Whatever system call fails, once or for ever, and with whatever error: the process ends with a
//! code that says so or goes on, and what it answered is there when it is started again.
//!
//! Calls are counted by kind, over all threads, since the process first touched its directory.
//! `HOTLEDGER_SYSCALLS` says how many of all the points are tried, 40 without it; they are spread
//! evenly over kinds, over once and for ever, and over a new directory, one with a torn tail, and
//! one with a torn tail where io_uring is forbidden.
//! `HOTLEDGER_FAULT` tries those alone whose printed name begins like this.
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
use std::time::Duration;

use client::Client;
use nix::errno::Errno;
use nix::libc;
use script::Script;
use serde_json::Value;
use story::Story;
use tracer::{End, Fault, Meddling, Ring};

/// What can fail, and how.
const FAULTS: [(i64, Errno); 20] = [
    (libc::SYS_io_uring_enter, Errno::EIO),
    (libc::SYS_io_uring_enter, Errno::EAGAIN),
    (libc::SYS_io_uring_setup, Errno::ENOMEM),
    (libc::SYS_io_uring_register, Errno::EINVAL),
    (libc::SYS_pwrite64, Errno::EIO),
    (libc::SYS_pwrite64, Errno::ENOSPC),
    (libc::SYS_fsync, Errno::EIO),
    (libc::SYS_fsync, Errno::ENOSPC),
    (libc::SYS_openat, Errno::EMFILE),
    (libc::SYS_openat, Errno::ENOSPC),
    (libc::SYS_pread64, Errno::EIO),
    (libc::SYS_renameat, Errno::EIO),
    (libc::SYS_unlinkat, Errno::EIO),
    (libc::SYS_getdents64, Errno::EIO),
    (libc::SYS_statx, Errno::EIO),
    (libc::SYS_flock, Errno::ENOLCK),
    (libc::SYS_mkdir, Errno::ENOSPC),
    (libc::SYS_write, Errno::EIO),
    (libc::SYS_read, Errno::EIO),
    (libc::SYS_clone3, Errno::EAGAIN),
];

/// Points where nothing else is asked for.
const POINTS: usize = 40;

/// Calls of one kind that are made to fail, the first ones: those that follow are of the same loop.
const OF_A_KIND_MAX: u64 = 150;

/// Commands sent, one after the other: enough for the torn directory's segment to be full.
const COMMANDS: usize = 250;

/// How often a command that found no room is sent again: while a fault lasts, and where it has
/// passed, for longer than the engine waits before it tries to make a segment again.
const TRIES: (usize, usize) = (5, 500);

/// The pause before a command is sent again.
const PAUSE: Duration = Duration::from_millis(10);

/// Exit codes that say what happened: fine, cannot create, I/O error.
const CODES: [i32; 3] = [0, 73, 74];

#[test]
fn once_and_for_ever() {
    if !tracer::is_allowed() {
        return;
    }
    let new = Story::new(Arc::new(Script::of(1_000)));
    let torn = Story::torn(&Arc::new(Script::of(3_000)));
    let mut points = Vec::new();
    for (name, begin, ring) in [
        ("new", &new, Ring::Allowed),
        ("torn", &torn, Ring::Allowed),
        ("torn, no ring", &torn, Ring::Forbidden),
    ] {
        let faults = faults(begin, ring).into_iter();
        points.extend(faults.map(|fault| (named(name, fault), begin, ring, fault)));
    }
    if let Ok(asked) = std::env::var("HOTLEDGER_FAULT") {
        points.retain(|(name, ..)| name.starts_with(&asked));
    }
    let wanted = std::env::var("HOTLEDGER_SYSCALLS")
        .map_or(POINTS, |text| text.parse().expect("a number"))
        .clamp(1, points.len());
    let mut ends = BTreeMap::<_, u64>::new();
    for index in 0..wanted {
        let (name, begin, ring, fault) = &points[index * points.len() / wanted];
        *ends.entry(fail(name, begin, *ring, *fault)).or_default() += 1;
    }
    println!("{wanted} of {} points: {ends:?}", points.len());
}

fn named(begin: &str, fault: Fault) -> String {
    let Fault { call, errno, at, for_ever } = fault;
    let often = if for_ever { "for ever" } else { "once" };
    format!("{begin}: {} {at} {often} {errno:?}", tracer::name(call))
}

/// Every fault that an undisturbed process could meet from this beginning.
fn faults(begin: &Story, ring: Ring) -> Vec<Fault> {
    let mut story = begin.fork();
    let kinds = live(&mut story, ring, Meddling::None).0.kinds;
    let mut faults = Vec::new();
    for (call, errno) in FAULTS {
        let count = kinds.get(&call).copied().unwrap_or(0).min(OF_A_KIND_MAX);
        for at in 1..=count {
            faults.extend([false, true].map(|for_ever| Fault { call, errno, at, for_ever }));
        }
    }
    faults
}

/// One process with one fault, and one that finds what it left; how the first one ended.
fn fail(what: &str, begin: &Story, ring: Ring, fault: Fault) -> String {
    print!("{what}: ");
    let mut story = begin.fork();
    let (seen, talked) = live(&mut story, ring, Meddling::Fail(fault));
    let Talked { answers, last, .. } = talked;
    println!("{:?}, {} failed, {} answers, {last:?}", seen.end, seen.failed, answers.len());
    let End::Code(code) = seen.end else { panic!("{what}: {:?}, {}", seen.end, seen.said) };
    assert!(CODES.contains(&code), "{what}: exit code {code}, {}", seen.said);
    let is_mute = fault.call == libc::SYS_write;
    assert!(code == 0 || is_mute || !seen.said.is_empty(), "{what}: it failed without a word");
    assert!(last != Last::Halted || code == 74, "{what}: it halted and left with {code}");
    assert!(fault.for_ever || last != Last::Full, "{what}: there was room, and it did not go on");
    assert!(code != 0 || last != Last::Gone, "{what}: it left, and said all was fine");
    story.check();
    story.check_names();
    story.go_on(30, 8);
    format!("{code} {last:?}")
}

fn live(story: &mut Story, ring: Ring, meddling: Meddling) -> (tracer::Seen, Talked) {
    let mut command = story.data.command("apply");
    command.args(["--snapshot-every", "40"]);
    let lasts = matches!(meddling, Meddling::Fail(fault) if fault.for_ever);
    let tries = if lasts { TRIES.0 } else { TRIES.1 };
    let (seen, talked) =
        tracer::run(&command, ring, meddling, |client| insist(story, client, tries));
    story.take_up(talked.sent, &talked.answers);
    (seen, talked)
}

/// What a client was told.
struct Talked {
    /// Commands that may have taken effect.
    sent: usize,
    answers: Vec<Value>,
    last: Last,
}

/// What became of the last command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Last {
    /// It was answered like all the others.
    Answered,
    /// There was no room for it, however often it was sent: it had no effect.
    Full,
    /// The engine had stopped.
    Halted,
    /// The process had left.
    Gone,
}

/// Sends one command after the other, and again where there was no room.
fn insist(story: &Story, mut client: Client, tries: usize) -> Talked {
    let mut answers = Vec::new();
    for line in story.lines().take(COMMANDS) {
        let last = match insist_on(line, &mut client, tries) {
            Ok(answer) => {
                answers.push(answer);
                continue;
            }
            Err(last) => last,
        };
        let sent = answers.len() + usize::from(last != Last::Full);
        return Talked { sent, answers, last };
    }
    Talked { sent: answers.len(), answers, last: Last::Answered }
}

fn insist_on(line: &str, client: &mut Client, tries: usize) -> Result<Value, Last> {
    for _ in 0..tries {
        let answer = client.ask(line).ok_or(Last::Gone)?;
        if answer["outcome"] == "halted" {
            return Err(Last::Halted);
        }
        if answer["outcome"] != "rejected" {
            return Ok(answer);
        }
        let reasons = ["storage_full", "storage_unavailable"];
        assert!(reasons.iter().any(|reason| answer["reason"] == *reason), "{answer}");
        std::thread::sleep(PAUSE);
    }
    Err(Last::Full)
}
