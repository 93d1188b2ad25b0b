//! What a report says of each run, and of all of them.

use std::time::Duration;

use hotledger::Durability;
use serde::{Serialize, Serializer};

use super::course::Moment;
use super::machine::Fingerprint;
use super::run::{BareKind, Mode, Run};
use super::slice::{Tally, WARM_UP};
use super::slowest::Slowest;
use super::stages::Stages;
use crate::latency::Percentiles;
use crate::out;

/// What all runs have in common.
pub(super) struct Setting {
    pub(super) durability: Durability,
    pub(super) workload: String,
    pub(super) aggregates: u64,
    /// What was proved of the aggregates in the end.
    pub(super) proved: Option<String>,
    /// Where the times of an open loop come from, unless they are even.
    pub(super) arrivals: Option<String>,
    /// How long the bare loop waited for the engine, where there is one.
    pub(super) rested: Option<Duration>,
    pub(super) seconds: u32,
    /// Events between two snapshots; 0 for none.
    pub(super) snapshot_every: u64,
    /// Clients, the writer and the kernel have fewer cores than there are of them.
    pub(super) shares_cores: bool,
    pub(super) machine: String,
    pub(super) disk: String,
    pub(super) fingerprint: Fingerprint,
}

impl Setting {
    /// What was done, on what.
    pub(super) fn in_words(&self) -> String {
        let shared = match self.shares_cores {
            true => "\nclients, writer and kernel share cores: the tail is also the scheduler's",
            false => "",
        };
        let snapshots = match self.snapshot_every {
            0 => "snapshots off".to_owned(),
            every => format!("a snapshot after every {} events", out::grouped(every)),
        };
        let proved = self.proved.as_ref().map_or_else(String::new, |it| format!("\nproved: {it}"));
        let arrivals = self.arrivals.as_ref();
        let arrivals = arrivals.map_or_else(String::new, |it| format!("\narrivals: {it}"));
        let rested = self.rested.map_or_else(String::new, |rested| {
            format!(
                "\nbaseline: its slices begin once the engine has filled its next segment: {:.0} \
                 ms in all, measured on neither side",
                rested.as_secs_f64() * 1e3
            )
        });
        format!(
            "{} over {} aggregate{}; {} s a mode after {} s of warm-up; {snapshots}.{proved}\
             {arrivals}{rested}\nmachine: {}\ndisk: {}{shared}",
            self.workload,
            out::grouped(self.aggregates),
            if self.aggregates == 1 { "" } else { "s" },
            self.seconds,
            WARM_UP.as_secs(),
            self.machine,
            self.disk,
        )
    }
}

/// One run as scripts see it.
#[derive(Serialize)]
pub(super) struct RunLine<'a> {
    #[serde(serialize_with = "named")]
    pub(super) mode: Mode,
    #[serde(serialize_with = "displayed")]
    pub(super) durability: Durability,
    pub(super) clients: u32,
    pub(super) in_flight: u32,
    /// Only an open loop offers a rate of its own.
    pub(super) offered_per_s: Option<f64>,
    /// Where arrivals are recorded ones.
    #[serde(flatten)]
    recorded: Option<Recorded>,
    #[serde(flatten)]
    pub(super) ours: Figures,
    /// From sending to answer, in an open loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_us: Option<Percentiles>,
    /// Of a share of the commands; the means add up to their mean latency.
    pub(super) stages_us: &'a Stages,
    /// The slowest ones, each with its cause.
    pub(super) slowest: &'a Slowest,
    /// How long the writer and io_uring's workers were ready to run and had no core, added up;
    /// `null` where that is not told.
    core_wait_s: Option<f64>,
    pub(super) valid: bool,
    /// Why a run is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invalid: Option<String>,
    /// Whether the engine took commands later than an open loop offered them.
    pub(super) saturated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<Baseline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ratio: Option<Ratio>,
    commands: u64,
    failed: u64,
    /// Commands that were refused as the workload foresees it; they are not in the rate.
    refused: u64,
    /// Commands that an open loop sent late by its own fault.
    late: u64,
    seconds: f64,
    workload: &'a str,
    aggregates: u64,
    snapshot_every: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    proved: Option<&'a str>,
    shares_cores: bool,
    machine: &'a str,
    disk: &'a str,
    fingerprint: &'a Fingerprint,
    over_time: &'a [Moment],
}

impl<'a> RunLine<'a> {
    /// Of a run under this setting.
    pub(super) fn new(run: &'a Run, setting: &'a Setting) -> Self {
        let tally = &run.measured.ours;
        let ours = Figures::of(tally);
        let bare = run.measured.bare.as_ref().zip(run.bare);
        let baseline = bare.map(|(bare, kind)| Baseline::of(bare, kind, run.mode));
        let offered_per_s = run.offered();
        let invalid = why_invalid(run.mode, tally);
        Self {
            mode: run.mode,
            durability: setting.durability,
            clients: run.clients,
            in_flight: run.in_flight,
            offered_per_s,
            recorded: Recorded::of(run.mode),
            service_us: offered_per_s.map(|_| Percentiles::of(&tally.service_ns)),
            stages_us: &run.stages,
            slowest: &run.slowest,
            core_wait_s: run.core_wait.map(|waited| waited.as_secs_f64()),
            valid: invalid.is_none(),
            invalid,
            saturated: is_saturated(tally),
            ratio: baseline.as_ref().map(|bare| Ratio::of(&ours, &bare.figures)),
            ours,
            baseline,
            commands: tally.commands,
            failed: tally.failed,
            refused: tally.refused,
            late: tally.late,
            seconds: tally.elapsed.as_secs_f64(),
            workload: &setting.workload,
            aggregates: setting.aggregates,
            snapshot_every: setting.snapshot_every,
            proved: setting.proved.as_deref(),
            shares_cores: setting.shares_cores,
            machine: &setting.machine,
            disk: &setting.disk,
            fingerprint: &setting.fingerprint,
            over_time: tally.course.moments(),
        }
    }
}

/// How recorded arrivals were offered.
#[derive(Serialize)]
struct Recorded {
    /// So many times as fast.
    pace: u32,
    /// The mean rate at that pace, over the whole recording.
    recorded_per_s: u32,
}

impl Recorded {
    fn of(mode: Mode) -> Option<Self> {
        match mode {
            Mode::Recorded { pace, per_s } => Some(Self { pace, recorded_per_s: per_s }),
            _ => None,
        }
    }
}

/// One late command in so many is the most that a generator may have for its run to count, and
/// that an engine may hold back without being saturated.
const LATE_ONE_IN: u64 = 100;

/// Whether a side took commands later than they were offered, because it had no room for more.
fn is_saturated(tally: &Tally) -> bool {
    tally.held_back * LATE_ONE_IN > tally.commands
}

fn why_invalid(mode: Mode, tally: &Tally) -> Option<String> {
    let percent = |part: u64| part as f64 * 100.0 / tally.commands.max(1) as f64;
    match mode {
        _ if tally.commands == 0 => Some("nothing was answered".to_owned()),
        _ if tally.failed > 0 => Some(format!("{} commands failed", tally.failed)),
        _ if mode.is_open() && tally.late * LATE_ONE_IN > tally.commands => Some(format!(
            "the generator was late by its own fault for {:.1} % of the commands",
            percent(tally.late)
        )),
        _ => None,
    }
}

/// The rate and the latency of one side.
#[derive(Serialize)]
pub(super) struct Figures {
    pub(super) rate_per_s: f64,
    pub(super) latency_us: Percentiles,
}

impl Figures {
    fn of(tally: &Tally) -> Self {
        let latency_us = Percentiles::of(&tally.latency_ns);
        Self { rate_per_s: tally.rate().round(), latency_us }
    }
}

/// What the engine is compared with.
#[derive(Serialize)]
pub(super) struct Baseline {
    #[serde(serialize_with = "called")]
    pub(super) kind: BareKind,
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// Bytes that are written for a command; a write has whole blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// Whether more was due or under way than the engine's clients have room for.
    pub(super) saturated: bool,
    /// Why its figures do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invalid: Option<String>,
}

impl Baseline {
    fn of(tally: &Tally, kind: BareKind, mode: Mode) -> Self {
        let (saturated, invalid) = (is_saturated(tally), why_invalid(mode, tally));
        Self { kind, figures: Figures::of(tally), bytes: kind.bytes(), saturated, invalid }
    }
}

/// Ours over the bare loop's.
#[derive(Serialize)]
pub(super) struct Ratio {
    pub(super) rate: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Ratio {
    fn of(ours: &Figures, bare: &Figures) -> Self {
        Self {
            rate: rounded(ours.rate_per_s / bare.rate_per_s),
            p50: rounded(ours.latency_us.p50 / bare.latency_us.p50),
            p99: rounded(ours.latency_us.p99 / bare.latency_us.p99),
        }
    }
}

impl RunLine<'_> {
    /// How much of the writes may be somebody's absence; the kernel's own threads come on top.
    pub(super) fn core_wait(&self) -> Option<String> {
        let waited = self.core_wait_s?;
        Some(format!(
            "{}: the writer and io_uring's workers were ready and had no core for {waited:.2} of \
             {:.1} s",
            self.mode.title(),
            self.seconds,
        ))
    }
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 1e3).round() / 1e3
}

fn named<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(mode.name())
}

fn called<S: Serializer>(kind: &BareKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&kind.name())
}

fn displayed<S: Serializer>(value: &Durability, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
