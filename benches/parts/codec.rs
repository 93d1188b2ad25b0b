//! What the user wrote, alone; and its events to bytes and back.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use hotledger::codec::{decode_event, decode_state, encode_event, encode_state, fingerprint};
use hotledger::{Aggregate, Context, Timestamp};
use serde::Serialize;

use crate::stand::booking::{Account, Booking, Command, an_event};

const COMMANDS: u64 = 1_024;

/// `decide` and `evolve` without an engine: what is left for the user to make faster.
pub(crate) fn rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Elements(COMMANDS));
    group.bench_function("decide and evolve", |bench| {
        let mut account = Account::default();
        bench.iter(|| {
            // The buffer of events is the only allocation, and is shared by all the commands.
            let mut cx = Context::new(Timestamp(1));
            for n in 0..COMMANDS as usize {
                account.decide(Command::Book(1), &mut cx).expect("it is accepted");
                account.evolve(&cx.recorded()[n]);
            }
            black_box(account.balance)
        });
    });
    group.bench_function("baseline: the additions alone", |bench| {
        let (mut balance, mut bookings) = (0_u64, 0_u64);
        bench.iter(|| {
            for amount in 0..COMMANDS {
                balance = black_box(balance + amount);
                bookings = black_box(bookings + 1);
            }
        });
    });
    group.finish();
}

/// An event to bytes and back.
///
/// An engine makes its codec once, and writes into the batch: what that costs is in the counts
/// (`cargo bench --bench counts`), because the public functions make theirs anew each time. States
/// go through the same encoder without one.
pub(crate) fn codec(criterion: &mut Criterion) {
    let event = an_event();
    let encoded = encode_event(&event).expect("it can be stored");
    let state = Account { balance: 1 << 40, bookings: 1 << 40 };
    let mut out = Vec::with_capacity(256);
    let mut group = criterion.benchmark_group("codec");
    group.bench_function("encode an event, codec made anew", |bench| {
        bench.iter(|| encode_event(black_box(&event)));
    });
    group.bench_function("decode an event, codec made anew", |bench| {
        bench.iter(|| decode_event::<Booking>(encoded.name, 1, black_box(&encoded.payload)));
    });
    group.bench_function("baseline: rmp-serde encodes the event", |bench| {
        bench.iter(|| raw(black_box(&event), &mut out));
    });
    let bytes = out.clone();
    group.bench_function("baseline: rmp-serde decodes the event", |bench| {
        bench.iter(|| rmp_serde::from_slice::<Booking>(black_box(&bytes)));
    });
    group.bench_function("fingerprint of a command", |bench| {
        bench.iter(|| fingerprint(black_box(&Command::Book(1))));
    });
    let command = rmp_serde::to_vec_named(&Command::Book(1)).expect("it is plain");
    group.bench_function("baseline: BLAKE3 of the command's bytes", |bench| {
        bench.iter(|| blake3::hash(black_box(&command)));
    });
    group.bench_function("encode a state", |bench| {
        bench.iter(|| {
            out.clear();
            encode_state(black_box(&state), &mut out)
        });
    });
    group.bench_function("baseline: rmp-serde encodes the state", |bench| {
        bench.iter(|| raw(black_box(&state), &mut out));
    });
    let bytes = out.clone();
    group.bench_function("decode a state", |bench| {
        bench.iter(|| decode_state::<Account>(black_box(&bytes)));
    });
    group.bench_function("baseline: rmp-serde decodes the state", |bench| {
        bench.iter(|| rmp_serde::from_slice::<Account>(black_box(&bytes)));
    });
    group.finish();
}

fn raw(value: &impl Serialize, out: &mut Vec<u8>) {
    out.clear();
    let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
    value.serialize(&mut serializer).expect("memory takes it");
}
