//! One turn of one peer: a child that writes, and one that reads what it wrote.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::child::{ReadBack, Written};
use super::plan::Args;
use super::stores::{Kept, Known};

/// What a turn came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Turn {
    #[serde(flatten)]
    pub(crate) written: Written,
    pub(crate) read: Option<ReadBack>,
}

/// Lets a peer write and read in a directory that is gone afterwards.
///
/// # Errors
/// The peer refused, or did not give back what it had acknowledged.
pub(crate) fn take(known: &Known, args: &Args) -> Result<Turn> {
    let scratch = args.scratch()?;
    let written: Written = child("speed-write", known, args, scratch.path(), 0)?;
    let read = match known.kept {
        Kept::OnDisk => {
            let acknowledged = written.acknowledged;
            Some(child("speed-read", known, args, scratch.path(), acknowledged)?)
        }
        Kept::InMemory | Kept::Reference => None,
    };
    Ok(Turn { written, read })
}

fn child<T: DeserializeOwned>(
    verb: &str,
    known: &Known,
    args: &Args,
    scratch: &Path,
    acknowledged: u64,
) -> Result<T> {
    let out = scratch.join(verb);
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([verb, "--peer", known.name])
        .args(["--seconds", &args.seconds.to_string()])
        .args(["--acknowledged", &acknowledged.to_string()])
        .arg("--directory")
        .arg(scratch.join(known.name))
        .arg("--out")
        .arg(&out);
    if let Some(url) = &args.postgres {
        command.args(["--postgres", url]);
    }
    // What a peer prints is no part of the table.
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let ended = child.output()?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        bail!("{verb} ended with {}: {}", ended.status, said.trim());
    }
    let told = std::fs::read(&out).context("the child told nothing")?;
    Ok(serde_json::from_slice(&told)?)
}
