//! `hotledger bench`: rate and latency of the engine on this machine.

mod bare;
mod chart;
mod closed;
mod course;
mod hgrm;
mod html;
mod lab;
mod lines;
mod machine;
mod open;
mod pipelined;
mod report;
mod run;
mod save;
mod schedule;
mod slice;
mod table;
mod workload;

use crate::args::{BenchArgs, ModeArg};

use self::bare::Bare;
use self::closed::Closed;
use self::lab::Lab;
use self::open::Open;
use self::pipelined::Pipelined;
use self::run::{Mode, Run};
use self::slice::{Measured, measure};
use self::workload::{Deposits, Parcels, Workload};

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    match args.payload {
        None => run_on(args, &Deposits { accounts: args.aggregates.into() }),
        Some(bytes) => run_on(args, &Parcels::new(args.aggregates.into(), bytes)),
    }
}

fn run_on<W: Workload>(args: &BenchArgs, workload: &W) -> anyhow::Result<()> {
    // 1. A place for the data, an engine on it, and every aggregate there from the start.
    let lab = Lab::open(args)?;
    let engine = lab.engine(args)?;
    workload::populate(&engine, workload)?;
    // 2. Each mode: warm up, then slices of engine and bare loop in turn.
    let mut runs = Vec::new();
    for mode in modes(args) {
        runs.push(run_mode(args, mode, &lab, &engine, workload)?);
    }
    // 3. The engine is closed before anything is said of what it did.
    engine.close()?;
    report::publish(args, &lab, workload.name(), &runs)
}

fn modes(args: &BenchArgs) -> Vec<Mode> {
    match args.mode {
        ModeArg::Closed => vec![Mode::Closed],
        ModeArg::Pipelined => vec![Mode::Pipelined],
        ModeArg::Open => args.rate.iter().map(|rate| Mode::Open(*rate)).collect(),
        ModeArg::Both => vec![Mode::Closed, Mode::Pipelined],
    }
}

fn run_mode<W: Workload>(
    args: &BenchArgs,
    mode: Mode,
    lab: &Lab,
    engine: &hotledger::Engine,
    workload: &W,
) -> anyhow::Result<Run> {
    let in_flight = mode.in_flight(args);
    let mut ours: Box<dyn Measured> = match mode {
        Mode::Closed => Box::new(Closed::new(engine, workload, args.clients)),
        Mode::Pipelined => Box::new(Pipelined::new(engine, workload, args.clients, in_flight)),
        Mode::Open(rate) => Box::new(Open::new(engine, workload, args.clients, in_flight, rate)),
    };
    let mut bare = match args.baseline {
        true => Some(Bare::prepare(lab.disk(), args.durability.into(), mode, args)?),
        false => None,
    };
    let bare_loop = bare.as_mut().map(|bare| bare as &mut dyn Measured);
    let measured = measure(ours.as_mut(), bare_loop, args.seconds)?;
    Ok(Run { mode, in_flight, clients: args.clients, measured })
}
