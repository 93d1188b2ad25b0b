//! One mode, measured.

use std::time::Duration;

use hotledger::limits::SESSION_IN_FLIGHT_MAX;

use super::slice::Comparison;
use super::slowest::Slowest;
use super::stages::Stages;
use crate::args::BenchArgs;
use crate::out;

/// How clients waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// One command at a time.
    Closed,
    /// Many on their way.
    Pipelined,
    /// So many commands a second.
    Open(u32),
    /// As a journal has it, so many times as fast: that many commands a second over all of it.
    Recorded { pace: u32, per_s: u32 },
}

/// One mode, measured.
pub(super) struct Run {
    /// How clients waited.
    pub(super) mode: Mode,
    /// How many there were.
    pub(super) clients: u32,
    /// Commands on their way for each of them.
    pub(super) in_flight: u32,
    /// How long each side was measured.
    pub(super) seconds: u32,
    /// What was counted.
    pub(super) measured: Comparison,
    /// Where the engine's time went.
    pub(super) stages: Stages,
    /// What made the slowest commands slow.
    pub(super) slowest: Slowest,
    /// How long the writer and io_uring's workers were ready to run and had no core.
    pub(super) core_wait: Option<Duration>,
    /// What it is compared with.
    pub(super) bare: Option<BareKind>,
}

/// What an engine is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BareKind {
    /// Writes of this size, one at a time.
    Write { bytes: usize },
    /// Records of this size, many in a write.
    Records { bytes: usize },
    /// A ring to another thread and one back.
    Ring,
}

impl Mode {
    /// Commands on their way for each client.
    pub(super) fn in_flight(self, args: &BenchArgs) -> u32 {
        match self {
            Self::Closed => 1,
            Self::Pipelined => args.in_flight,
            // Answers may stay away for a tenth of a second before the generator has to wait.
            Self::Open(rate) | Self::Recorded { per_s: rate, .. } => {
                let backlog = (rate / args.clients / 10).min(SESSION_IN_FLIGHT_MAX as u32);
                args.in_flight.max(backlog)
            }
        }
    }

    /// One word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Pipelined => "pipelined",
            Self::Open(_) | Self::Recorded { .. } => "open",
        }
    }

    /// Whether commands are sent when others are answered, or when it is their time.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Open(_) | Self::Recorded { .. })
    }

    /// Tells runs apart, in words.
    pub(super) fn title(self) -> String {
        match self {
            Self::Open(rate) => format!("open, {}/s", out::grouped(rate.into())),
            Self::Recorded { pace, .. } => format!("open, arrivals x{pace}"),
            other => other.name().to_owned(),
        }
    }
}

impl Run {
    /// The rate that was offered, whatever was answered: all that was due is sent in the end.
    pub(super) fn offered(&self) -> Option<f64> {
        match self.mode {
            Mode::Open(rate) => Some(rate.into()),
            Mode::Recorded { .. } => {
                Some(self.measured.ours.commands as f64 / f64::from(self.seconds))
            }
            Mode::Closed | Mode::Pipelined => None,
        }
    }
}

impl BareKind {
    /// What it is called.
    pub(super) fn name(self) -> String {
        match self {
            Self::Write { bytes } => format!("bare {} KiB write", bytes.div_ceil(1 << 10)),
            Self::Records { bytes } => format!("bare loop, {bytes} B"),
            Self::Ring => "raw ring".to_owned(),
        }
    }

    /// What of its kind is written for a command.
    pub(super) fn bytes(self) -> Option<usize> {
        match self {
            Self::Write { bytes } | Self::Records { bytes } => Some(bytes),
            Self::Ring => None,
        }
    }
}
