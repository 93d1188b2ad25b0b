//! An engine opened stepped does nothing by itself, and each step does its own part and no more.

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use faulty::FailingDisk;
use hotledger::{Engine, Position, SnapshotPolicy, Stage, Stepped};
use support::{Account, Command, Total, usual};

#[test]
fn an_answer_needs_the_writer_and_a_view_its_projector() {
    let disk = FailingDisk::new();
    let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
    let (engine, mut stages) = builder.snapshots(SnapshotPolicy::Events(1)).open_stepped().unwrap();
    assert_eq!(stages.all().count(), 5, "writer, segments, snapshots, a view, a table");
    let first = engine.aggregate::<Account>(1u64).execute(Command::Deposit(5)).submit();
    assert!(!first.is_ready());
    assert_eq!(stages.step(Stage::Projector(0)), Stepped::Idle);
    disk.stalled.store(true, Ordering::SeqCst);
    assert_eq!(stages.step(Stage::Writer), Stepped::Worked, "it hands the batch to the disk");
    assert_eq!(stages.step(Stage::Writer), Stepped::Writing);
    assert_eq!((first.is_ready(), engine.position()), (false, Position::ORIGIN));
    disk.stalled.store(false, Ordering::SeqCst);
    assert_eq!(stages.step(Stage::Writer), Stepped::Worked);
    assert!(first.is_ready());
    let receipt = first.wait().unwrap();
    assert_eq!(engine.position(), receipt.position);
    assert_eq!(stages.step(Stage::Writer), Stepped::Idle);

    let total = engine.view::<Total>();
    assert_eq!(total.read().money, 0);
    assert_eq!(stages.step(Stage::Projector(0)), Stepped::Worked);
    assert_eq!(total.read().money, 5);
    assert_eq!(stages.step(Stage::Projector(0)), Stepped::Idle);

    assert_eq!(stages.step(Stage::Segments), Stepped::Worked);
    assert_eq!(stages.step(Stage::Segments), Stepped::Idle);
    assert_eq!(stages.step(Stage::Snapshots), Stepped::Worked);
    assert_eq!(stages.step(Stage::Snapshots), Stepped::Idle);
    let digest = stages.digest().unwrap();

    // Dropped without closing: a crash.
    drop(stages);
    drop(engine);
    let (engine, mut stages) = usual(Engine::builder_on(Arc::new(disk))).open_stepped().unwrap();
    assert_eq!(engine.recovery().snapshot, Some(receipt.position));
    assert_eq!(stages.digest(), Some(digest));
    let late = engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).submit();
    stages.close().unwrap();
    assert_eq!(late.wait().unwrap().position, Position::after(2), "what was sent is answered");
    assert_eq!(engine.view::<Total>().read().money, 6, "and seen");
    assert_eq!((stages.digest(), stages.step(Stage::Writer)), (None, Stepped::Done));
    assert_eq!(stages.step(Stage::Projector(0)), Stepped::Done);
}
