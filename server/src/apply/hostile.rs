//! Any bytes as commands: each line is understood, or told what is wrong with it and where.

#[cfg(test)]
#[path = "hostile/tests.rs"]
mod tests;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lines::{Line, Lines};
use super::order::{Work, parse};

/// What takes an input, and the bytes it may hold at once besides sixteen times the input's: the
/// buffer of a line, and the text of a refusal.
pub(super) const COMMANDS: (fn(&[u8]), usize) = (read_commands, 8 << 10);

/// Takes the input for what `apply` reads.
fn read_commands(input: &[u8]) {
    let mut lines = Lines::new(input);
    let mut last = 0;
    while let Some((number, line)) = lines.next().expect("memory can be read") {
        assert!(number > last, "lines are numbered as they come");
        last = number;
        if let Line::Whole(line) = line {
            read_command(line);
        }
    }
}

fn read_command(line: &[u8]) {
    match parse(line) {
        Ok(order) => match order.work {
            Work::Account(to) => assert_comes_back(&to.command),
            Work::Book(to) => assert_comes_back(&to.command),
            Work::Transfer(transfer) => assert_comes_back(&transfer),
        },
        Err(invalid) => {
            let columns = 1..=line.len() + 1;
            assert!(columns.contains(&invalid.column), "the place is in the line: {invalid:?}");
        }
    }
}

/// A command that was understood is understood as it is written again.
fn assert_comes_back<C: Serialize + DeserializeOwned + PartialEq + Debug>(command: &C) {
    let text = serde_json::to_string(command).expect("a command can be written");
    let back: C = serde_json::from_str(&text).expect("it reads what it writes");
    assert_eq!(back, *command, "{text}");
}
