//! `speed`: the same deposits through hotledger and its peers, durable before they are answered.
//!
//! A round gives every peer one turn, each turn in child processes of its own. Figures are medians
//! over the rounds, and ratios are to the raw write of the same round, since machines drift.

mod child;
mod deposit;
mod machine;
mod plan;
mod report;
mod slice;
mod spread;
mod stores;
mod table;
mod turn;
mod way;

use anyhow::{Result, ensure};

pub(crate) use self::child::{TurnArgs, read, write};
pub(crate) use self::plan::Args;

use self::machine::Machine;
use self::report::Report;

/// Measures all peers that are asked for; prints the table.
///
/// # Errors
/// A peer failed; the others are told of all the same.
pub(crate) fn run(args: &Args) -> Result<()> {
    let peers = args.peers()?;
    let machine = Machine::with(args.scratch()?.path());
    let mut report = Report::new(command(), machine, args, &peers);
    for round in 0..args.rounds as usize {
        for at in order(peers.len(), round) {
            let name = peers[at].name;
            let turn = turn::take(peers[at], args);
            let measured = &mut report.peers[at];
            match &turn {
                Ok(turn) => eprintln!("round {}: {name}: {}", round + 1, in_short(turn)),
                Err(error) => {
                    eprintln!("round {}: {name} failed: {error:#}", round + 1);
                    measured.failures.push(format!("{error:#}"));
                }
            }
            measured.turns.push(turn.ok());
        }
    }
    print!("{}", table::markdown(&report));
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    let failed = report.peers.iter().filter(|peer| !peer.failures.is_empty());
    let failed: Vec<_> = failed.map(|peer| peer.name).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// The raw write first; the others change places from round to round, so that none always comes
/// after the same one.
fn order(peers: usize, round: usize) -> impl Iterator<Item = usize> {
    let others = peers - 1;
    std::iter::once(0).chain((0..others).map(move |at| 1 + (at + round) % others))
}

fn in_short(turn: &turn::Turn) -> String {
    let one = &turn.written.one;
    let mut text = format!("p50 {} µs", spread::micros(one.p50_us));
    for per_s in turn.written.many_per_s().into_iter().chain(turn.written.best_per_s()) {
        text += &format!(", {}/s", spread::rate(per_s));
    }
    if let Some(read) = &turn.read {
        text += &format!(", read {}/s", spread::rate(read.records_per_s));
    }
    text
}

/// How this binary is run.
const CARGO: &str = "cargo run --release --manifest-path compare/Cargo.toml --";

/// As it was called, without what only this machine knows: places, and a server's address.
fn command() -> String {
    let mut shown = vec![CARGO.to_owned()];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let name = argument.split('=').next().unwrap_or_default();
        if ["--dir", "--postgres", "--json"].contains(&name) {
            if name == argument {
                arguments.next();
            }
            if name == "--postgres" {
                shown.push("--postgres URL".to_owned());
            }
        } else {
            shown.push(argument);
        }
    }
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn everyone_has_a_turn_in_every_round() {
        for round in 0..7 {
            let mut turns: Vec<_> = order(6, round).collect();
            assert_eq!(turns[0], 0, "ratios are to the first");
            turns.sort_unstable();
            assert_eq!(turns, [0, 1, 2, 3, 4, 5]);
        }
        assert_eq!(order(1, 3).collect::<Vec<_>>(), [0]);
        assert_eq!(order(4, 1).collect::<Vec<_>>(), [0, 2, 3, 1]);
    }
}
