//! `hotledger bench`: rate and latency of the engine on this machine.

mod arrivals;
mod bank;
mod bare;
mod bars;
mod batch;
mod cause;
mod chart;
mod closed;
mod core_wait;
mod course;
mod exchange;
mod follow;
mod hgrm;
mod html;
mod idle;
mod journey;
mod lab;
mod line;
mod lines;
mod machine;
mod open;
mod pipelined;
mod random;
mod report;
mod ring;
mod rival;
mod run;
mod sample;
mod save;
mod schedule;
mod slice;
mod slowest;
mod stages;
mod table;
mod watch;
mod workload;

use std::sync::Arc;

use hotledger::Engine;

use self::arrivals::Arrivals;
use self::bank::{Deposits, Keys, Parcels};
use self::closed::Closed;
use self::exchange::Exchange;
use self::follow::Follower;
use self::lab::Lab;
use self::line::SessionLine;
use self::open::Open;
use self::pipelined::Pipelined;
use self::run::{Mode, Run};
use self::schedule::Offer;
use self::slice::{Measured, measure};
use self::slowest::Slowest;
use self::stages::Stages;
use self::workload::Workload;
use crate::args::{BenchArgs, DurabilityArg, ModeArg, WorkloadArg};
use crate::exit::Failure;

/// Accounts, unless it is said how many.
const ACCOUNTS: u32 = 100_000;

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    check(args)?;
    let aggregates = args.aggregates.unwrap_or(ACCOUNTS).into();
    match (args.workload, args.payload) {
        (WorkloadArg::Exchange, _) => {
            run_on(args, &Exchange::open(args.messages.as_deref(), args.aggregates, args.clients)?)
        }
        (WorkloadArg::Bank, None) => {
            let keys = if args.keys { Keys::Fresh } else { Keys::None };
            run_on(args, &Deposits { accounts: aggregates, keys })
        }
        (WorkloadArg::Bank, Some(bytes)) => run_on(args, &Parcels::new(aggregates, bytes)),
    }
}

/// Options that make sense only together.
fn check(args: &BenchArgs) -> Result<(), Failure> {
    let exchange = args.workload == WorkloadArg::Exchange;
    let wrong = match args {
        BenchArgs { arrivals: Some(_), mode, .. } if *mode != ModeArg::Open => {
            "--arrivals needs --mode open: the other modes send when they are answered"
        }
        BenchArgs { messages: Some(_), .. } if !exchange => {
            "--messages needs --workload exchange: accounts take no order messages"
        }
        BenchArgs { payload: Some(_), .. } if exchange => {
            "--payload needs --workload bank: order messages have the size they have"
        }
        BenchArgs { keys: true, payload, .. } if exchange || payload.is_some() => {
            "--keys goes with bank deposits: leave --payload and --workload exchange out"
        }
        BenchArgs { snapshot_every: 1.., durability: DurabilityArg::Volatile, .. } => {
            "--snapshot-every needs a journal: leave --durability volatile out"
        }
        _ => return Ok(()),
    };
    Err(Failure::Usage(wrong.to_owned()))
}

fn run_on<W: Workload>(args: &BenchArgs, workload: &W) -> anyhow::Result<()> {
    // 1. What decides when commands are sent; a place for the data and an engine on it; and every
    //    aggregate there from the start.
    let arrivals = args.arrivals.as_deref().map(Arrivals::read).transpose()?.map(Arc::new);
    let lab = Lab::open(args)?;
    let engine = lab.engine(args)?;
    let mut streams: Vec<_> =
        (0..args.clients.into()).map(|client| workload.stream(client)).collect();
    workload.prepare(&engine, &mut streams)?;
    // 2. Each mode: warm up, then slices of engine and bare loop in turn.
    let mut runs = Vec::new();
    for mode in modes(args, arrivals.as_deref()) {
        let offer = offer(mode, arrivals.as_ref());
        let both = (&engine, workload);
        runs.push(run_mode(args, (mode, offer.as_ref()), &lab, both, &mut streams)?);
    }
    // 3. The engine is where the commands have led it, and is closed before anything is said.
    let proved = workload.prove(&engine, &mut streams)?;
    engine.close()?;
    report::publish(args, &lab, (workload, proved), arrivals.as_deref(), &runs)
}

fn modes(args: &BenchArgs, arrivals: Option<&Arrivals>) -> Vec<Mode> {
    match (args.mode, arrivals) {
        (ModeArg::Closed, _) => vec![Mode::Closed],
        (ModeArg::Pipelined, _) => vec![Mode::Pipelined],
        (ModeArg::Both, _) => vec![Mode::Closed, Mode::Pipelined],
        (ModeArg::Open, None) => args.rate.iter().map(|rate| Mode::Open(*rate)).collect(),
        (ModeArg::Open, Some(arrivals)) => {
            let per_s = |pace| (arrivals.per_s() * f64::from(pace)).round() as u32;
            args.pace.iter().map(|&pace| Mode::Recorded { pace, per_s: per_s(pace) }).collect()
        }
    }
}

/// When commands are sent, where that is not when others are answered.
fn offer(mode: Mode, arrivals: Option<&Arc<Arrivals>>) -> Option<Offer> {
    match mode {
        Mode::Closed | Mode::Pipelined => None,
        Mode::Open(rate) => Some(Offer::Even(rate.into())),
        Mode::Recorded { pace, .. } => arrivals.map(|arrivals| Offer::recorded(arrivals, pace)),
    }
}

fn run_mode<W: Workload>(
    args: &BenchArgs,
    (mode, offer): (Mode, Option<&Offer>),
    lab: &Lab,
    (engine, workload): (&Engine, &W),
    streams: &mut [W::Stream],
) -> anyhow::Result<Run> {
    let in_flight = mode.in_flight(args);
    let first = streams.first_mut().filter(|_| args.baseline);
    let rival = first
        .map(|stream| rival::prepare(args, (mode, offer), lab, (engine, workload), stream))
        .transpose()?;
    let (bare_loop, bare) = rival.unzip();
    let lines = SessionLine::<W>::all(engine, streams, in_flight);
    let mut ours: Box<dyn Measured> = match offer {
        None if mode == Mode::Closed => Box::new(Closed::new(lines)),
        None => Box::new(Pipelined::new(lines)),
        Some(offer) => Box::new(Open::new(lines, offer)),
    };
    let mut follower = Follower::new(engine);
    let rest = || lab.rest();
    let measured = measure(ours.as_mut(), &mut follower, bare_loop, rest, args.seconds)?;
    let followed = follower.end();
    let BenchArgs { clients, seconds, .. } = *args;
    let stages = Stages::of(&followed.journeys);
    let slowest = Slowest::of(&followed.slowest);
    let core_wait = followed.core_wait;
    Ok(Run { mode, in_flight, clients, seconds, measured, stages, slowest, core_wait, bare })
}
