//! What every test of the command line needs: the binary, a directory, and JSON lines.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod forger;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test, logging warnings only.
pub(crate) fn hotledger() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotledger"));
    command.env("RUST_LOG", "warn");
    command
}

/// A data directory in a place of its own, removed afterwards.
pub(crate) struct Data {
    place: TempDir,
}

impl Data {
    /// A name for a directory that does not exist yet.
    pub(crate) fn new() -> Self {
        Self { place: TempDir::new().expect("a temporary directory") }
    }

    /// The directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Applies these lines and expects every one to be answered and exit code 0.
    pub(crate) fn apply(&self, lines: &[&str]) -> Vec<Value> {
        self.apply_with(&[], lines)
    }

    /// The same with more options.
    pub(crate) fn apply_with(&self, options: &[&str], lines: &[&str]) -> Vec<Value> {
        let input = lines.join("\n") + "\n";
        let output = run_with(self.command("apply").args(options), input.as_bytes());
        assert_code(&output, 0);
        let answers = json_lines(&output.stdout);
        assert_eq!(answers.len(), lines.len(), "one answer a line");
        answers
    }

    /// Applies these lines in one run, each sent once the one before is answered: every one gets a
    /// batch of its own. No snapshots are taken.
    pub(crate) fn apply_one_by_one(&self, lines: &[String]) -> Vec<Value> {
        let mut child = spawn(self.command("apply").args(["--snapshot-every", "0"]));
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let answers = lines
            .iter()
            .map(|line| {
                writeln!(stdin, "{line}").expect("it reads");
                let answer = answers.next().expect("an answer").expect("text");
                serde_json::from_str(&answer).expect("a line of JSON")
            })
            .collect();
        drop(stdin);
        assert!(child.wait().expect("it ends").success());
        answers
    }

    /// A command with `--data` already on it.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = hotledger();
        command.arg(name).arg("--data").arg(self.path());
        command
    }

    /// What `state` prints for an aggregate.
    pub(crate) fn state(&self, kind: &str, id: &str, options: &[&str]) -> Value {
        let output = run(self.command("state").args([kind, id]).args(options));
        assert_code(&output, 0);
        one_json(&output.stdout)
    }

    /// What `digest` prints.
    pub(crate) fn digest(&self, options: &[&str]) -> Value {
        let output = run(self.command("digest").args(options));
        assert_code(&output, 0);
        one_json(&output.stdout)
    }

    /// What `journal inspect` prints.
    pub(crate) fn inspect(&self) -> Vec<Value> {
        let output = run(hotledger().args(["journal", "inspect"]).arg(self.path()));
        assert_code(&output, 0);
        json_lines(&output.stdout)
    }

    /// The journal's segment files that hold data, oldest first.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        segments(&self.path())
    }
}

/// The segment files of a directory, in order.
pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the data directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hl"))
        .collect();
    files.sort();
    files
}

/// Every file of a directory with its bytes: to show that nothing was changed.
pub(crate) fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("the data directory")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.clone(), std::fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// Runs `journal <name>` on a directory; its exit code and the lines it printed.
pub(crate) fn journal(name: &str, directory: &Path, options: &[&str]) -> (i32, Vec<Value>) {
    let output = run(hotledger().args(["journal", name]).arg(directory).args(options));
    let code = output.status.code().expect("it was not killed");
    assert_code(&output, code);
    (code, json_lines(&output.stdout))
}

/// Copies a directory of plain files.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a new directory");
    for (path, bytes) in contents(from) {
        let name = path.file_name().expect("a file has a name");
        std::fs::write(to.join(name), bytes).expect("a copy");
    }
}

/// Runs to the end without input.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("hotledger runs")
}

/// Runs to the end on this input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Output {
    let mut child = spawn(command);
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A child that refuses to start does not read its input.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("hotledger ends");
    writer.join().expect("the input is written");
    output
}

/// Starts with all three streams as pipes.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hotledger starts")
}

/// Expects this exit code, and shows what was said otherwise.
#[track_caller]
pub(crate) fn assert_code(output: &Output, code: i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "it said: {said}");
    assert!(!said.contains("panicked"), "it panicked: {said}");
}

/// Every line as JSON.
pub(crate) fn json_lines(bytes: &[u8]) -> Vec<Value> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("a line of JSON"))
        .collect()
}

/// The one line of JSON there is.
pub(crate) fn one_json(bytes: &[u8]) -> Value {
    let mut lines = json_lines(bytes);
    assert_eq!(lines.len(), 1, "one line of JSON");
    lines.remove(0)
}

/// A deposit into an account.
pub(crate) fn deposit(account: u64, amount: u64) -> String {
    format!(r#"{{"kind":"account","id":{account},"command":{{"Deposit":{{"amount":{amount}}}}}}}"#)
}
