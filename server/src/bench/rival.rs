//! What the engine is compared with: the raw disk, or the raw ring where there is no disk.

use hotledger::{Durability, Engine};
use hotledger_journal::BLOCK_BYTES;

use super::bare::{Bare, Records};
use super::lab::Lab;
use super::ring::Ring;
use super::run::{BareKind, Mode};
use super::schedule::Offer;
use super::slice::Measured;
use super::workload::{Workload, stored_alone, stored_bytes};
use crate::args::BenchArgs;

/// Makes what does the same amount of work in this mode with nothing of the engine's in between.
pub(super) fn prepare<W: Workload>(
    args: &BenchArgs,
    (mode, offer): (Mode, Option<&Offer>),
    lab: &Lab,
    (engine, workload): (&Engine, &W),
    stream: &mut W::Stream,
) -> anyhow::Result<(Box<dyn Measured>, BareKind)> {
    let in_flight = mode.in_flight(args);
    let durability = Durability::from(args.durability);
    if durability == Durability::Volatile {
        let ring = match (mode, offer) {
            (Mode::Closed, _) => Ring::closed(args.clients),
            (_, Some(offer)) => Ring::open(args.clients, in_flight, offer),
            (_, None) => Ring::pipelined(args.clients, in_flight),
        };
        return Ok((Box::new(ring), BareKind::Ring));
    }
    let records = Records::of(stored_bytes(engine, workload, stream)?);
    let many = BareKind::Records { bytes: records.bytes };
    let all_in_flight = in_flight as usize * args.clients as usize;
    let disk = lab.disk();
    match (mode, offer) {
        (Mode::Closed, _) => {
            let write_bytes_min = stored_alone::<W>(engine, stream)?.max(BLOCK_BYTES);
            let records = Records { write_bytes_min, ..records };
            let bare = Bare::closed(disk, durability, records)?;
            Ok((Box::new(bare), BareKind::Write { bytes: write_bytes_min }))
        }
        (_, Some(offer)) => {
            let backlog_max = all_in_flight as u64;
            let bare = Bare::open(disk, durability, records, offer.clone(), backlog_max)?;
            Ok((Box::new(bare), many))
        }
        (_, None) => {
            let bare = Bare::pipelined(disk, durability, records, all_in_flight)?;
            Ok((Box::new(bare), many))
        }
    }
}
