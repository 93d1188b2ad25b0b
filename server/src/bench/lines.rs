//! What a report says of each run, and of all of them.

use hotledger::Durability;
use serde::{Serialize, Serializer};

use super::course::Moment;
use super::machine::Fingerprint;
use super::run::{Mode, Run};
use super::slice::{Tally, WARM_UP};
use crate::latency::Percentiles;
use crate::out;

/// What all runs have in common.
pub(super) struct Setting {
    pub(super) durability: Durability,
    pub(super) workload: String,
    pub(super) aggregates: u64,
    pub(super) seconds: u32,
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
        format!(
            "{} over {} aggregates; {} s a mode after {} s of warm-up; snapshots off.\n\
             machine: {}\ndisk: {}{shared}",
            self.workload,
            out::grouped(self.aggregates),
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
    #[serde(flatten)]
    pub(super) ours: Figures,
    /// From sending to answer, in an open loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_us: Option<Percentiles>,
    pub(super) valid: bool,
    /// Why a run is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invalid: Option<String>,
    /// Whether the engine took commands later than an open loop offered them.
    pub(super) saturated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ratio: Option<Ratio>,
    commands: u64,
    failed: u64,
    /// Commands that an open loop sent late by its own fault.
    late: u64,
    seconds: f64,
    workload: &'a str,
    aggregates: u64,
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
        let baseline = run.measured.bare.as_ref().map(Figures::of);
        let offered_per_s = run.mode.offered();
        let invalid = why_invalid(run.mode, tally);
        Self {
            mode: run.mode,
            durability: setting.durability,
            clients: run.clients,
            in_flight: run.in_flight,
            offered_per_s,
            service_us: offered_per_s.map(|_| Percentiles::of(&tally.service_ns)),
            valid: invalid.is_none(),
            invalid,
            saturated: tally.held_back * LATE_ONE_IN > tally.commands,
            ratio: baseline.as_ref().map(|bare| Ratio::of(&ours, bare)),
            ours,
            baseline,
            commands: tally.commands,
            failed: tally.failed,
            late: tally.late,
            seconds: tally.elapsed.as_secs_f64(),
            workload: &setting.workload,
            aggregates: setting.aggregates,
            shares_cores: setting.shares_cores,
            machine: &setting.machine,
            disk: &setting.disk,
            fingerprint: &setting.fingerprint,
            over_time: tally.course.moments(),
        }
    }
}

/// One late command in so many is the most that a generator may have for its run to count, and
/// that an engine may hold back without being saturated.
const LATE_ONE_IN: u64 = 100;

fn why_invalid(mode: Mode, tally: &Tally) -> Option<String> {
    let percent = |part: u64| part as f64 * 100.0 / tally.commands.max(1) as f64;
    match mode {
        _ if tally.commands == 0 => Some("nothing was answered".to_owned()),
        _ if tally.failed > 0 => Some(format!("{} commands failed", tally.failed)),
        Mode::Open(_) if tally.late * LATE_ONE_IN > tally.commands => Some(format!(
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

fn rounded(ratio: f64) -> f64 {
    (ratio * 1e3).round() / 1e3
}

fn named<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(mode.name())
}

fn displayed<S: Serializer>(value: &Durability, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
