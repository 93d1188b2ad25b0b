//! The trials: each harm done to each store.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::damage::Damage;
use crate::dice::Dice;
use crate::image::{BLOCK_BYTES, Image, SECTOR_BYTES, Written};
use crate::kill;
use crate::plan::{Args, Harm};
use crate::process::{Appender, read_all};
use crate::report::{Examined, Report, Row, Trial};
use crate::stores::{Begin, COMPARED, Known, named};
use crate::verdict::{Outcome, Verdict};

/// Harms all stores that are asked for; prints the table.
///
/// # Errors
/// A store cannot be brought into the state that is to be harmed, or the disk fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.records > 1, "there must be records to lose");
    let stores = match &args.only {
        Some(name) => vec![named(name)?],
        None => COMPARED.to_vec(),
    };
    let mut report = Report::new(args);
    for known in stores {
        let examined = examine(known, args).with_context(|| known.name.to_owned())?;
        report.stores.push(examined);
    }
    print!("{}", report.markdown());
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

fn examine(known: &Known, args: &Args) -> Result<Examined> {
    let mut examined = Examined::new(known);
    let mut rested = None;
    for harm in args.harms().iter().copied() {
        let started = Instant::now();
        let trials = match harm {
            Harm::Kill => kill::kill(known, args, args.trials(harm))?,
            Harm::Newest => damage(known, args, harm, &Target::newest(known, args)?)?,
            Harm::Flip | Harm::Zero | Harm::Cut => {
                let target = match rested.take() {
                    Some(target) => target,
                    None => Target::rested(known, args)?,
                };
                examined.describe(&target.image);
                damage(known, args, harm, rested.insert(target))?
            }
        };
        let row = Row::of(harm, trials, started.elapsed());
        eprintln!("{}: {row}", known.name);
        examined.rows.push(row);
    }
    Ok(examined)
}

/// Damages one copy of the target after the other, and has each opened and read.
fn damage(known: &Known, args: &Args, harm: Harm, target: &Target) -> Result<Vec<Trial>> {
    let untouched = target.try_out(known, args, None)?;
    let whole = untouched.outcome == Outcome::Identical;
    ensure!(whole, "killed and not otherwise harmed, it was not whole: {untouched:?}");
    let trial = |number| {
        let mut dice = Dice::new(&[args.seed, harm as u64, number]);
        let damage = match harm {
            Harm::Zero => Damage::zero(&target.image.written(BLOCK_BYTES), &mut dice)?,
            Harm::Cut => Damage::cut(&target.image, &mut dice)?,
            _ => Damage::flip(&target.bits, &mut dice)?,
        };
        let verdict = target.try_out(known, args, Some(&damage))?;
        Ok(Trial { harmed: damage.to_string(), verdict })
    };
    (0..args.trials(harm)).map(trial).collect()
}

/// A store that was killed, and what it had acknowledged.
struct Target {
    image: Image,
    /// Where bits may be flipped.
    bits: Vec<Written>,
    acknowledged: Vec<u64>,
}

impl Target {
    /// Killed a while after its last append; whatever was ever written may be hit.
    fn rested(known: &Known, args: &Args) -> Result<Self> {
        let directory = args.scratch()?;
        let path = directory.path().join(known.name);
        let appender = Appender::start(known, &path, Begin::New, 1, args.records)?;
        let acknowledged = collect(&appender, args, args.records)?;
        std::thread::sleep(Duration::from_millis(args.rest_ms));
        ensure!(appender.kill()?.is_empty(), "more was acknowledged than was asked for");
        let image = Image::take(known, &path)?;
        Ok(Self { bits: image.written(SECTOR_BYTES), image, acknowledged })
    }

    /// Killed at the acknowledgement of its last append; what that append wrote may be hit.
    fn newest(known: &Known, args: &Args) -> Result<Self> {
        let directory = args.scratch()?;
        let path = directory.path().join(known.name);
        let before = args.records - 1;
        let mut appender = Appender::start(known, &path, Begin::New, 1, before)?;
        let mut acknowledged = collect(&appender, args, before)?;
        std::thread::sleep(Duration::from_millis(args.rest_ms));
        let before = Image::take(known, &path)?;
        appender.ask_for_one_more()?;
        acknowledged.extend(collect(&appender, args, 1)?);
        ensure!(appender.kill()?.is_empty(), "more was acknowledged than was asked for");
        let image = Image::take(known, &path)?;
        Ok(Self { bits: image.written_since(&before), image, acknowledged })
    }

    fn try_out(&self, known: &Known, args: &Args, damage: Option<&Damage>) -> Result<Verdict> {
        let directory = args.scratch()?;
        let path = directory.path().join(known.name);
        self.image.lay_out(&path)?;
        damage.map_or(Ok(()), |damage| damage.strike(&path))?;
        let answer = read_all(known, &path, args.patience())?;
        Ok(Verdict::of(answer, &self.acknowledged, None))
    }
}

fn collect(appender: &Appender, args: &Args, count: u64) -> Result<Vec<u64>> {
    let next = |_| {
        let key = appender.acknowledged(args.patience())?;
        key.context("the child that appends ended before it had appended everything")
    };
    (0..count).map(next).collect()
}
