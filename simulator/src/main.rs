//! The command line of the simulator: many seeds, or one that failed.

use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hotledger_simulator::{Ended, Plan, Summary, ledger, run_seed, shrink};

const USAGE: &str = "\
hotledger-simulator [--seed N] [--seeds N] [--from N] [--seconds N] [--threads N] [--twice]

  --seed N      one seed, twice; where it fails, the fewest actions that fail
  --seeds N     how many seeds to run (default: as many as there is time for)
  --from N      the first of them (default 0)
  --seconds N   when to stop (default: never)
  --threads N   on how many threads (default 2)
  --twice       each seed twice, and the traces compared
";

struct Args {
    seed: Option<u64>,
    seeds: u64,
    from: u64,
    time: Duration,
    threads: u64,
    twice: bool,
}

fn main() -> ExitCode {
    // Panics of the simulated application are part of the plan, and those of the engine are told.
    panic::set_hook(Box::new(|_| {}));
    let Some(args) = parse() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match args.seed {
        Some(seed) => one(seed),
        None => many(&args),
    }
}

fn parse() -> Option<Args> {
    let mut args = Args {
        seed: None,
        seeds: u64::MAX,
        from: 0,
        time: Duration::MAX,
        threads: 2,
        twice: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--twice" {
            args.twice = true;
            continue;
        }
        let number = words.next()?.parse().ok()?;
        match word.as_str() {
            "--seed" => args.seed = Some(number),
            "--seeds" => args.seeds = number,
            "--from" => args.from = number,
            "--seconds" => args.time = Duration::from_secs(number),
            "--threads" => args.threads = number.max(1),
            _ => return None,
        }
    }
    Some(args)
}

fn one(seed: u64) -> ExitCode {
    let (outcome, again) = (run_seed(seed), run_seed(seed));
    println!("seed {seed}: {:?}, trace {:016x}", outcome.ended, outcome.trace);
    if again.trace != outcome.trace {
        println!("not the same again: trace {:016x}", again.trace);
        return ExitCode::FAILURE;
    }
    let Ended::Violation(_) = outcome.ended else { return ExitCode::SUCCESS };
    let plan = Plan::of(seed);
    let least = shrink(&plan, || ledger(&plan));
    println!("{} of {} actions fail:", least.actions.len(), plan.actions.len());
    println!("{:#?}", least.setting);
    least.actions.iter().for_each(|action| println!("  {action:?}"));
    ExitCode::FAILURE
}

fn many(args: &Args) -> ExitCode {
    let (start, next) = (Instant::now(), AtomicU64::new(0));
    let work = || {
        let mut summary = Summary::default();
        while start.elapsed() < args.time {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= args.seeds {
                break;
            }
            let outcome = run_seed(args.from + at);
            if let Ended::Violation(why) = &outcome.ended {
                println!("seed {}: {why}\n  cargo xtask sim --seed {0}", outcome.seed);
            }
            if args.twice && run_seed(args.from + at).trace != outcome.trace {
                println!("seed {}: another trace when it is run again", outcome.seed);
                summary.violations.push((outcome.seed, "not deterministic".into()));
            }
            summary.add(&outcome);
        }
        summary
    };
    let mut summary = Summary::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            summary.merge(thread.join().expect("a seed's panic is caught"));
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    print!("{summary}");
    println!(
        "\n{seconds:.0} s on {} threads: {:.0} seeds a second a thread",
        args.threads,
        summary.seeds as f64 / seconds / args.threads as f64
    );
    let rare = if summary.seeds >= 1_000 { summary.rare(50) } else { Vec::new() };
    if !rare.is_empty() {
        println!("in fewer than 5 % of the seeds: {rare:?}");
    }
    if summary.violations.is_empty() && rare.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
