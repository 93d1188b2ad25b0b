//! The figures of a run, round by round, as JSON, and what they come to.

use serde::Serialize;

use super::child::Written;
use super::machine::Machine;
use super::plan::Args;
use super::slice::Figures;
use super::spread::Spread;
use super::stores::{Kept, Known};
use super::turn::Turn;

/// The raw write's median by its fastest hundredth, from where on processors were short. A disk
/// that is left alone stays below two.
const BUSY_FACTOR: f64 = 4.0;

/// One run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    /// The raw write first.
    pub(crate) peers: Vec<Measured>,
}

/// One peer, and its turn in each round.
#[derive(Serialize)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) settings: &'static str,
    #[serde(skip)]
    pub(crate) kept: Kept,
    pub(crate) many: Option<String>,
    pub(crate) best: Vec<String>,
    /// In the order of the rounds; none where the turn failed.
    pub(crate) turns: Vec<Option<Turn>>,
    pub(crate) failures: Vec<String>,
}

impl Report {
    pub(crate) fn new(command: String, machine: Machine, args: &Args, peers: &[&Known]) -> Self {
        let peers = peers.iter().map(|known| Measured::new(known)).collect();
        Self { command, machine, rounds: args.rounds, seconds: args.seconds, peers }
    }

    /// A figure of each round's turn.
    pub(crate) fn spread(
        &self,
        peer: &Measured,
        figure: impl Fn(&Turn) -> Option<f64>,
    ) -> Option<Spread> {
        Spread::of(peer.turns.iter().flatten().filter_map(figure))
    }

    /// A figure divided by the raw write's of the same round.
    pub(crate) fn ratio(
        &self,
        peer: &Measured,
        figure: impl Fn(&Written) -> Option<f64>,
        raw: impl Fn(&Figures) -> f64,
    ) -> Option<Spread> {
        if peer.kept == Kept::InMemory {
            // A disk is no measure for memory.
            return None;
        }
        let rounds = peer.turns.iter().zip(&self.peers[0].turns);
        Spread::of(rounds.filter_map(|(turn, raw_turn)| {
            let reference = raw(&raw_turn.as_ref()?.written.one);
            Some(figure(&turn.as_ref()?.written)? / reference)
        }))
    }

    /// One client's p50 by the raw write's.
    pub(crate) fn one_client_ratio(&self, peer: &Measured) -> Option<Spread> {
        self.ratio(peer, |it| Some(it.one.p50_us), |raw| raw.p50_us)
    }

    /// Whether most answers came in less than half the time of the raw write. A raw write that
    /// waited for a processor is no measure for a store that spins.
    pub(crate) fn does_not_sync(&self, peer: &Measured) -> bool {
        let ratio = self.one_client_ratio(peer);
        let sooner = ratio.is_some_and(|ratio| ratio.median < 0.5);
        sooner && peer.kept == Kept::OnDisk && !self.was_busy()
    }

    /// Whether the raw write mostly waited for something other than the disk.
    pub(crate) fn was_busy(&self) -> bool {
        let of = |figure: fn(&Figures) -> f64| {
            self.spread(&self.peers[0], |turn| Some(figure(&turn.written.one)))
        };
        let (Some(usual), Some(fastest)) = (of(|it| it.p50_us), of(|it| it.p1_us)) else {
            return false;
        };
        usual.median > BUSY_FACTOR * fastest.least
    }
}

impl Measured {
    /// Of the server that answered, if it was one, and of what was built.
    pub(crate) fn version(&self) -> String {
        let server = self.turns.iter().flatten().find_map(|turn| turn.written.server.as_ref());
        server.map_or_else(String::new, |server| format!("{server} ")) + &self.version
    }

    fn new(known: &Known) -> Self {
        let Known { name, version, settings, kept, many, best, .. } = *known;
        let many = many.map(|way| way.to_string());
        let best = best.iter().map(|way| way.to_string()).collect();
        let (turns, failures) = (Vec::new(), Vec::new());
        Self { name, version: version(), settings, kept, many, best, turns, failures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speed::stores::{RAW, named};

    fn turn(p1_us: f64, p50_us: f64) -> Option<Turn> {
        let (p99_us, p999_us) = (p50_us * 2.0, p50_us * 3.0);
        let (commits, records_per_s) = (1000, 1e6 / p50_us);
        let one = Figures { commits, records_per_s, p1_us, p50_us, p99_us, p999_us };
        let (many, best, server) = (None, Vec::new(), None);
        let written = Written { one, many, best, server, acknowledged: 1000 };
        Some(Turn { written, read: None })
    }

    /// Of a raw write and one peer, each with its turns.
    fn report(name: &str, raw: [Option<Turn>; 2], turns: [Option<Turn>; 2]) -> Report {
        let mut raw_write = Measured::new(RAW);
        raw_write.turns = raw.into();
        let mut peer = Measured::new(named(name).expect("a peer"));
        peer.turns = turns.into();
        let machine = Machine::with(std::path::Path::new("."));
        let peers = vec![raw_write, peer];
        Report { command: String::new(), machine, rounds: 2, seconds: 1.0, peers }
    }

    #[test]
    fn ratios_are_to_the_same_round() {
        let raw = [turn(70.0, 80.0), turn(100.0, 160.0)];
        let report = report("redb", raw, [turn(150.0, 160.0), turn(150.0, 480.0)]);
        let ratio = report.one_client_ratio(&report.peers[1]).expect("two rounds");
        assert_eq!((ratio.least, ratio.median, ratio.most), (2.0, 2.5, 3.0));
    }

    #[test]
    fn a_turn_that_failed_is_left_out_of_its_round() {
        let raw = [turn(70.0, 80.0), None];
        let report = report("redb", raw, [turn(70.0, 160.0), turn(70.0, 999.0)]);
        let ratio = report.one_client_ratio(&report.peers[1]).expect("one round");
        assert_eq!((ratio.least, ratio.most), (2.0, 2.0));
    }

    #[test]
    fn answers_without_a_sync_are_told() {
        for (p50_us, cheats) in [(160.0, false), (42.0, false), (38.0, true), (2.0, true)] {
            let raw = [turn(70.0, 80.0), turn(70.0, 80.0)];
            let report = report("redb", raw, [turn(1.0, p50_us), turn(1.0, p50_us)]);
            assert!(!report.was_busy());
            assert_eq!(report.does_not_sync(&report.peers[1]), cheats, "{p50_us} µs");
        }
    }

    #[test]
    fn nobody_is_accused_where_the_raw_write_waited() {
        let busy = [turn(790.0, 4000.0), turn(130.0, 4000.0)];
        let report = report("redb", busy, [turn(50.0, 80.0), turn(50.0, 80.0)]);
        assert!(report.was_busy());
        assert!(!report.does_not_sync(&report.peers[1]));
    }
}
