//! This program run again under callgrind, for one operation, and the total it tells.

use std::env;
use std::hint::black_box;
use std::process::Command;

/// Ahead of the name of the operation, when this program runs itself.
const OPERATION: &str = "--operation";

/// Why nothing can be counted here.
pub(crate) struct Unavailable(pub(crate) String);

/// The operation that the program above asks this one for.
pub(crate) fn asked_for(arguments: &[String]) -> Option<&str> {
    let at = arguments.iter().position(|argument| argument == OPERATION)?;
    arguments.get(at + 1).map(String::as_str)
}

/// What decides how many instructions there are: the compiler, the processor's kind, valgrind.
pub(crate) fn version() -> Result<String, Unavailable> {
    let valgrind = said(Command::new("valgrind").arg("--version"))?;
    let rustc = said(Command::new("rustc").arg("--version"))?;
    Ok(format!("{rustc}, {}, {valgrind}", env::consts::ARCH))
}

fn said(command: &mut Command) -> Result<String, Unavailable> {
    let output = command.output().map_err(|error| Unavailable(format!("{command:?}: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Instructions of the counted part of an operation.
pub(crate) fn count(name: &str) -> u64 {
    let program = env::current_exe().expect("this program is a file");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    // By the name of the function below, however it is mangled.
    command.arg("--toggle-collect=*counted_part*").arg(program).args([OPERATION, name]);
    let output = command.output().expect("valgrind was there a moment ago");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{told}");
    let total = told.lines().find_map(|line| line.split_once("Collected : "));
    let total = total.and_then(|(_, total)| total.trim().parse().ok());
    total.filter(|total| *total > 0).unwrap_or_else(|| panic!("nothing was counted:\n{told}"))
}

/// Runs what is to be counted. May be called any number of times; the counts add up.
#[inline(never)]
pub(crate) fn counted_part(work: &mut dyn FnMut()) {
    work();
    // Not the last thing here, or it would be jumped to instead of called, and not be counted.
    black_box(());
}
