//! A disk that stalls or is full for a while: reads go on, and writes resume without a reopen.

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use faulty::FailingDisk;
use hotledger::{
    Delivery, Engine, ExecuteError, Position, ReadError, Receipt, Stage, Stages, Stepped, limits,
};
use support::{Account, Command, Refusal, Total, Transfer, usual};

#[test]
fn a_stalled_disk_sheds_what_does_not_fit_and_answers_the_rest_later() {
    let disk = FailingDisk::new();
    let builder = usual(Engine::builder_on(Arc::new(disk.clone()))).mailbox_commands_max(16);
    let engine = builder.open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    let first = account.execute(Command::Deposit(1)).wait().unwrap();
    disk.stalled.store(true, Ordering::SeqCst);
    let late = account.execute(Command::Deposit(1)).submit();
    assert_eq!(late.wait_for(Duration::from_millis(20)), Err(ExecuteError::TimedOut));
    let pending: Vec<_> = (0..100).map(|_| account.execute(Command::Deposit(1)).submit()).collect();
    let shed = pending.iter().filter(|pending| pending.is_ready()).count();
    assert!((80..=84).contains(&shed), "16 wait and one batch is under way: {shed} were shed");
    let total = engine.view::<Total>();
    assert_eq!(total.read_after(first.position).unwrap().money, 1, "only what is durable is seen");
    disk.stalled.store(false, Ordering::SeqCst);
    let mut committed = 0;
    for pending in pending {
        match pending.wait() {
            Ok(_) => committed += 1,
            Err(error) => assert_eq!(error, ExecuteError::Overloaded),
        }
    }
    assert_eq!(committed + shed, 100);
    assert_eq!(engine.position().events() as usize, 2 + committed, "a shed command has no effect");
}

/// Sends a command while a watermark is all the disk has room for, then gives it its room.
fn behind_a_watermark(then: impl FnOnce(&mut Stages)) {
    let disk = FailingDisk::new();
    let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
    let (engine, mut stages) = builder.open_stepped().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    let first = account.execute(Command::Deposit(1)).submit();
    while stages.step(Stage::Writer) != Stepped::Idle {}
    first.wait().unwrap();
    std::thread::sleep(2 * limits::WATERMARK_AFTER);
    disk.stalled.store(true, Ordering::SeqCst);
    assert_eq!(stages.step(Stage::Writer), Stepped::Idle, "the watermark is on its way");
    assert_eq!(stages.step(Stage::Writer), Stepped::Writing);
    let late = account.execute(Command::Deposit(1)).submit();
    assert_eq!(stages.step(Stage::Writer), Stepped::Worked, "settled, and there is no slot for it");
    assert_eq!(stages.step(Stage::Writer), Stepped::Writing);
    assert!(!late.is_ready(), "it is not written yet");
    disk.stalled.store(false, Ordering::SeqCst);
    then(&mut stages);
    assert!(late.is_ready(), "nothing else has to come along");
    assert_eq!(late.wait().unwrap().position, Position::after(2));
}

#[test]
fn a_command_behind_a_watermark_is_sent_once_that_is_written() {
    behind_a_watermark(|stages| while stages.step(Stage::Writer) != Stepped::Idle {});
}

#[test]
fn a_command_behind_a_watermark_is_sent_before_the_engine_is_closed() {
    behind_a_watermark(|stages| stages.close().unwrap());
}

fn open(disk: &FailingDisk) -> Engine {
    let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
    builder.segment_bytes(1 << 21, 1 << 21).open().unwrap()
}

fn fill(engine: &Engine) -> Result<Receipt, ExecuteError<Refusal>> {
    engine.aggregate::<Account>(1u64).execute(Command::Fill { events: 1, bytes: 100_000 }).wait()
}

/// Uses up the prepared room; how often that went well, and what the refusal was.
fn use_up(engine: &Engine) -> (u64, ExecuteError<Refusal>) {
    let mut committed = 0;
    loop {
        match fill(engine) {
            Ok(_) => committed += 1,
            Err(error) => return (committed, error),
        }
        assert!(committed < 1_000, "the prepared segments are used up some time");
    }
}

fn resumes(engine: &Engine) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        fill(engine).is_ok()
    })
}

#[test]
fn a_full_disk_refuses_before_anything_is_half_done_and_takes_commands_again() {
    let disk = FailingDisk::new();
    let engine = open(&disk);
    disk.full.store(true, Ordering::SeqCst);
    let (committed, refused) = use_up(&engine);
    assert_eq!(refused, ExecuteError::StorageFull);
    assert!(committed > 10, "prepared room is used before anyone is refused: {committed}");
    assert_eq!(engine.position(), Position::after(committed));
    let digest = engine.digest().expect("reads go on");
    assert_eq!(fill(&engine), Err(ExecuteError::StorageFull));
    assert_eq!(engine.digest().unwrap(), digest);
    disk.full.store(false, Ordering::SeqCst);
    assert!(resumes(&engine), "it goes on without being reopened");
    engine.close().unwrap();
}

#[test]
fn a_full_disk_can_be_reopened_again_and_again() {
    let disk = FailingDisk::new();
    let engine = open(&disk);
    disk.full.store(true, Ordering::SeqCst);
    let (committed, _) = use_up(&engine);
    let digest = engine.digest().unwrap();
    engine.close().expect("closing needs no room");
    for _ in 0..100 {
        let engine = open(&disk);
        assert_eq!(engine.digest().unwrap(), digest);
        assert_eq!(fill(&engine), Err(ExecuteError::StorageFull));
        let total = engine.view::<Total>();
        assert_eq!(total.read_after(engine.position()).unwrap().events, committed);
        engine.close().expect("closing needs no room");
    }
    let engine = open(&disk);
    disk.full.store(false, Ordering::SeqCst);
    assert!(resumes(&engine), "it goes on without being reopened");
    assert_eq!(engine.position(), Position::after(committed + 1));
    let digest = engine.digest().unwrap();
    engine.close().unwrap();
    assert_eq!(open(&disk).digest().unwrap(), digest);
}

#[test]
fn without_descriptors_readers_fail_alone_and_everything_goes_on_later() {
    const EMFILE: i32 = 24;
    let disk = FailingDisk::new();
    let engine = open(&disk);
    disk.refusal.store(EMFILE, Ordering::SeqCst);
    let (committed, refused) = use_up(&engine);
    assert_eq!(refused, ExecuteError::StorageFull);
    assert!(committed > 10 && engine.halted().is_none());
    let mut late = engine.subscribe::<Account>(Position::ORIGIN);
    for _ in 0..3 {
        assert!(matches!(late.next_wait(), Err(ReadError::Journal(_))));
    }
    let past = engine.as_of(Position::at(1)).aggregate::<Account>(&1).map(drop);
    assert!(past.is_err(), "the past is on the disk");
    engine.digest().expect("the present is not");

    disk.refusal.store(0, Ordering::SeqCst);
    assert!(resumes(&engine));
    for expected in 0..=committed {
        let Some(Delivery::Event(event)) = late.next_wait().unwrap() else {
            panic!("{expected} of {committed} events")
        };
        assert_eq!(event.position, Position::at(expected), "nothing was skipped");
    }
    let total = engine.view::<Total>();
    assert_eq!(total.read_after(engine.position()).unwrap().events, committed + 1);
}

#[test]
fn a_segment_that_cannot_be_prepared_is_told_with_its_cause_and_stops_nobody() {
    const EIO: i32 = 5;
    let disk = FailingDisk::new();
    let engine = open(&disk);
    disk.refusal.store(EIO, Ordering::SeqCst);
    let (committed, refused) = use_up(&engine);
    let ExecuteError::StorageUnavailable(why) = &refused else { panic!("{refused}") };
    assert!(why.contains("segment-000000000") && why.contains("os error 5"), "{why}");
    let transfer = engine.transact(Transfer { from: 1, to: 2, amount: 0 }).wait();
    assert_eq!(transfer.unwrap_err(), ExecuteError::StorageUnavailable(why.clone()));
    assert_eq!((engine.position(), engine.halted()), (Position::after(committed), None));
    disk.refusal.store(0, Ordering::SeqCst);
    assert!(resumes(&engine), "it goes on without being reopened");
    engine.close().unwrap();
}
