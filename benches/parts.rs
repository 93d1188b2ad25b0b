//! The parts of the engine, each beside the thing it must not be much slower than.

#[path = "parts/codec.rs"]
mod codec;
#[path = "parts/durable.rs"]
mod durable;
#[path = "parts/hops.rs"]
mod hops;
#[path = "parts/reads.rs"]
mod reads;
#[path = "parts/recovery.rs"]
mod recovery;
#[path = "parts/seal.rs"]
mod seal;
#[path = "stand/mod.rs"]
mod stand;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    hops::commands,
    hops::subscription,
    durable::durable,
    codec::rules,
    codec::codec,
    seal::seal,
    reads::view,
    reads::row,
    recovery::snapshot,
    recovery::replay
);
criterion_main!(benches);
