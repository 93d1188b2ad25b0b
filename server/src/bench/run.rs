//! One mode, measured.

use hotledger::limits::SESSION_IN_FLIGHT_MAX;

use super::slice::Comparison;
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
}

/// One mode, measured.
pub(super) struct Run {
    /// How clients waited.
    pub(super) mode: Mode,
    /// How many there were.
    pub(super) clients: u32,
    /// Commands on their way for each of them.
    pub(super) in_flight: u32,
    /// What was counted.
    pub(super) measured: Comparison,
}

impl Mode {
    /// Commands on their way for each client.
    pub(super) fn in_flight(self, args: &BenchArgs) -> u32 {
        match self {
            Self::Closed => 1,
            Self::Pipelined => args.in_flight,
            // Answers may stay away for a tenth of a second before the generator has to wait.
            Self::Open(rate) => {
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
            Self::Open(_) => "open",
        }
    }

    /// The rate that is offered, whatever is answered.
    pub(super) fn offered(self) -> Option<f64> {
        match self {
            Self::Open(rate) => Some(rate.into()),
            _ => None,
        }
    }

    /// Tells runs apart, in words.
    pub(super) fn title(self) -> String {
        match self {
            Self::Open(rate) => format!("open, {}/s", out::grouped(rate.into())),
            other => other.name().to_owned(),
        }
    }

    /// What it is compared with.
    pub(super) fn bare_name(self) -> &'static str {
        match self {
            Self::Closed => "bare 4 KiB write",
            Self::Pipelined | Self::Open(_) => "bare loop, 128 B",
        }
    }
}
