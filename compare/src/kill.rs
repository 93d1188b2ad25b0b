//! Kills at random moments, the files left as they are.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::dice::Dice;
use crate::image::Image;
use crate::plan::{Args, Harm};
use crate::process::{Answer, Appender, read_all};
use crate::report::Trial;
use crate::stores::{Begin, Known};
use crate::verdict::{Outcome, Verdict};

/// Kills that one directory outlives before a new one is begun, so that it is quickly copied.
const LIVES_A_STORY: u64 = 10;

/// One process in this many is killed at any time from its start, recovery included; the others
/// at any time after their first acknowledgement.
const KILLED_EARLY: u64 = 4;

/// The longest a process lives from its start, or from its first acknowledgement.
const LIFE_US_MAX: u64 = 50_000;

/// Records that a story begins with.
const RECORDS_FIRST: u64 = 10;

/// Kills a store so often, and reads it after each.
///
/// # Errors
/// A store ends by itself, or the disk fails.
pub(crate) fn kill(known: &Known, args: &Args, kills: u64) -> Result<Vec<Trial>> {
    let mut trials: Vec<Trial> = Vec::new();
    let mut story = Story::begin(known, args)?;
    for number in 0..kills {
        let whole = trials.last().is_none_or(|it| it.verdict.outcome == Outcome::Identical);
        // A store that has failed once is not asked again.
        if number > 0 && (number.is_multiple_of(LIVES_A_STORY) || !whole) {
            story = Story::begin(known, args)?;
        }
        let mut dice = Dice::new(&[args.seed, Harm::Kill as u64, number]);
        let early = number.is_multiple_of(KILLED_EARLY);
        let life = Duration::from_micros(dice.below(LIFE_US_MAX));
        trials.push(story.live_and_be_killed(early, life)?);
    }
    Ok(trials)
}

/// A directory over several lives.
struct Story<'a> {
    known: &'a Known,
    args: &'a Args,
    directory: TempDir,
    /// What must be there: what was acknowledged, and what has been read.
    acknowledged: Vec<u64>,
}

impl<'a> Story<'a> {
    fn begin(known: &'a Known, args: &'a Args) -> Result<Self> {
        let directory = args.scratch()?;
        let story = Self { known, args, directory, acknowledged: (1..=RECORDS_FIRST).collect() };
        let appender = Appender::start(known, &story.path(), Begin::New, 1, RECORDS_FIRST)?;
        for key in &story.acknowledged {
            let acknowledged = appender.acknowledged(args.patience())?;
            ensure!(acknowledged == Some(*key), "{acknowledged:?} was acknowledged for {key}");
        }
        appender.kill()?;
        Ok(story)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(self.known.name)
    }

    fn live_and_be_killed(&mut self, early: bool, life: Duration) -> Result<Trial> {
        let first = self.acknowledged.last().map_or(1, |last| last + 1);
        let began = self.acknowledged.len();
        let appender = Appender::start(self.known, &self.path(), Begin::Existing, first, u64::MAX)?;
        if !early {
            self.acknowledged.extend(appender.acknowledged(self.args.patience())?);
        }
        std::thread::sleep(life);
        self.acknowledged.extend(appender.kill()?);
        let verdict = self.read()?;
        let from = if early { "its start" } else { "its first acknowledgement" };
        let records = self.acknowledged.len() - began;
        let harmed = format!("killed {life:?} after {from}, {records} records later");
        Ok(Trial { harmed, verdict })
    }

    /// Opens a copy, so that it is the next life that recovers from this kill.
    fn read(&mut self) -> Result<Verdict> {
        let copy = self.args.scratch()?;
        let path = copy.path().join(self.known.name);
        Image::take(self.known, &self.path())?.lay_out(&path)?;
        let answer = read_all(self.known, &path, self.args.patience())?;
        let on_its_way = self.acknowledged.last().map_or(1, |last| last + 1);
        let came_back = matches!(
            &answer, Answer::Records(records) if records.iter().any(|it| it.key == on_its_way)
        );
        let verdict = Verdict::of(answer, &self.acknowledged, Some(on_its_way));
        self.acknowledged.extend(came_back.then_some(on_its_way));
        Ok(verdict)
    }
}
