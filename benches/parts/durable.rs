//! A durable command beside the bare write that it rests on.

use criterion::Criterion;
use hotledger::{Durability, Engine, FileDisk};
use hotledger_journal::{Access, AlignedBuffer, Disk};

use crate::stand::booking::{Account, Command, bare};
use crate::stand::history::directory;

pub(crate) fn durable(criterion: &mut Criterion) {
    let directory = directory();
    let mut group = criterion.benchmark_group("durable");
    let disk = FileDisk::open(directory.path()).expect("it was just made");
    let file = disk.create("bare", Access::Commit(Durability::Synced)).expect("it is not there");
    let mut block = AlignedBuffer::new(4_096);
    let blocks = 1_024;
    for n in 0..blocks {
        file.write_all_at(n * 4_096, block.all_mut()).expect("there is room");
    }
    let mut next = 0;
    group.bench_function("baseline: bare 4 KiB write", |bench| {
        bench.iter(|| {
            next = (next + 1) % blocks;
            file.write_all_at(next * 4_096, block.all_mut()).expect("it was written before");
        });
    });
    let builder = bare(Engine::builder(directory.path().join("engine")));
    let engine = builder.open().expect("the directory is new");
    let account = engine.aggregate::<Account>(1u64);
    group.bench_function("execute, synced", |bench| {
        bench.iter(|| account.execute(Command::Book(1)).wait().expect("it is accepted"));
    });
    group.finish();
}
