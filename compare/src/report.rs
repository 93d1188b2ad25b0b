//! The figures of a run, as a table for people and as JSON.

use std::fmt;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::image::{FileImage, Image, SECTOR_BYTES};
use crate::plan::{Args, Harm};
use crate::record::PAYLOAD_BYTES;
use crate::stores::Known;
use crate::verdict::{Outcome, Verdict};

/// One run.
#[derive(Serialize)]
pub(crate) struct Report {
    seed: u64,
    records: u64,
    rest_ms: u64,
    pub(crate) stores: Vec<Examined>,
}

/// One store, and what it made of each harm.
#[derive(Serialize)]
pub(crate) struct Examined {
    name: &'static str,
    version: String,
    settings: &'static str,
    promises: &'static str,
    /// The files that were hit, each with its length and the bytes of its sectors ever written.
    files: Vec<(String, u64, u64)>,
    pub(crate) rows: Vec<Row>,
}

/// All trials of one harm.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) harm: Harm,
    seconds: f64,
    identical: usize,
    refused: usize,
    panics: usize,
    hangs: usize,
    silent: usize,
    /// Records missing or changed in the worst silent trial.
    worst: usize,
    trials: Vec<Trial>,
}

/// One trial.
#[derive(Serialize)]
pub(crate) struct Trial {
    pub(crate) harmed: String,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

impl Report {
    pub(crate) fn new(args: &Args) -> Self {
        let Args { seed, records, rest_ms, .. } = *args;
        Self { seed, records, rest_ms, stores: Vec::new() }
    }

    /// The table, harm by harm, then what the stores were and how they ran.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "| harm | store | trials | as it was | refused | panics | hangs | silent losses | \
             records lost at worst |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        let harms = self.stores.first().map_or(0, |store| store.rows.len());
        for at in 0..harms {
            for store in &self.stores {
                store.rows[at].write_line(store.name, &mut text);
            }
        }
        text.push('\n');
        for store in &self.stores {
            store.write_line(&mut text);
        }
        let (records, seed) = (self.records, self.seed);
        let rest = self.rest_ms;
        let _ = writeln!(
            text,
            "\n{records} acknowledged deposits of {PAYLOAD_BYTES} bytes before each damage, killed \
             {rest} ms after the last unless it says otherwise; seed {seed}."
        );
        text
    }
}

impl Examined {
    pub(crate) fn new(known: &Known) -> Self {
        let Known { name, settings, promises, .. } = *known;
        let version = (known.version)();
        Self { name, version, settings, promises, files: Vec::new(), rows: Vec::new() }
    }

    /// Takes down which files the damage was drawn from.
    pub(crate) fn describe(&mut self, image: &Image) {
        let written = image.written(SECTOR_BYTES);
        let of = |file: &FileImage| {
            let blocks = written.iter().filter(|block| block.path == file.path);
            let bytes: u64 = blocks.map(|block| block.bytes).sum();
            (file.path.display().to_string(), file.bytes, bytes)
        };
        self.files = image.files.iter().map(of).filter(|(_, _, written)| *written > 0).collect();
    }

    fn write_line(&self, text: &mut String) {
        let Self { name, version, settings, promises, .. } = self;
        let files = self
            .files
            .iter()
            .map(|(name, bytes, written)| format!("`{name}` ({written} of {bytes} bytes written)"));
        let files = files.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "- **{name} {version}**: {settings}. {promises}. Hit: {files}.");
    }
}

impl Row {
    pub(crate) fn of(harm: Harm, trials: Vec<Trial>, took: Duration) -> Self {
        let count =
            |outcome| trials.iter().filter(|trial| trial.verdict.outcome == outcome).count();
        let lost = trials.iter().map(|trial| trial.verdict.missing + trial.verdict.changed);
        Self {
            harm,
            seconds: took.as_secs_f64(),
            identical: count(Outcome::Identical),
            refused: count(Outcome::Refused),
            panics: count(Outcome::Crashed),
            hangs: count(Outcome::Hung),
            silent: count(Outcome::Silent),
            worst: lost.max().unwrap_or(0),
            trials,
        }
    }

    fn write_line(&self, store: &str, text: &mut String) {
        let what = self.harm.sentence();
        let Self { identical, refused, panics, hangs, silent, worst, trials, .. } = self;
        let trials = trials.len();
        let _ = writeln!(
            text,
            "| {what} | {store} | {trials} | {identical} | {refused} | {panics} | {hangs} | \
             **{silent}** | {worst} |"
        );
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { harm, seconds, identical, refused, panics, hangs, silent, .. } = self;
        write!(
            f,
            "{harm:?}: {identical} identical, {refused} refused, {panics} panics, {hangs} hangs, \
             {silent} silent, {seconds:.0} s"
        )
    }
}
