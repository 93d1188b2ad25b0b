//! The figures of a run, round by round, as JSON, and what they come to.

use serde::Serialize;

use super::child::Written;
use super::machine::Machine;
use super::plan::Args;
use super::slice::Figures;
use super::spread::Spread;
use super::stores::{Kept, Known};
use super::turn::Turn;

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

    /// Whether most answers came in less than half the time of the fastest raw writes. The raw
    /// write's own median would be no measure: where processors are short, it waits for one, and
    /// a store that spins does not.
    pub(crate) fn does_not_sync(&self, peer: &Measured) -> bool {
        let ratio = self.ratio(peer, |it| Some(it.one.p50_us), |raw| raw.p1_us);
        peer.kept == Kept::OnDisk && ratio.is_some_and(|ratio| ratio.median < 0.5)
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
