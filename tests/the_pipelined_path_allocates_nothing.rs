//! A command on the pipelined path allocates nothing in steady state, on either side of it.

mod support;

use allocation_counter::{measure, opt_out};
use hotledger::{CommandKey, Durability, Engine, Request, Session, SnapshotPolicy, Stage, Stages};
use support::{Account, Command};

const ACCOUNTS: u64 = 1_000;
const COMMANDS: u64 = 100_000;

/// What a batch may allocate on average, however many commands are in it.
///
/// Its buffer and what is said about it come back from the pool, so that most allocate nothing; a
/// roll to the next segment does (a file, a name, a header), and a fresh buffer does where a reader
/// still holds the old one.
const PER_BATCH_MAX: u64 = 1;

/// One engine, all on this thread: what its writer and its client allocate is counted together.
struct Stand {
    session: Session<Account>,
    stages: Stages,
    keyed: bool,
    sent: u64,
    _engine: Engine,
}

impl Stand {
    fn new(in_flight: usize, keyed: bool) -> Self {
        // The window is full after the warm-up: from then on each key takes the room of another.
        let builder = Engine::builder("unused").aggregate::<Account>().keys_max(10_000);
        let builder = builder.durability(Durability::Volatile).snapshots(SnapshotPolicy::Never);
        let (engine, stages) = builder.open_stepped().unwrap();
        let session = engine.session(in_flight);
        let mut stand = Self { session, stages, keyed, sent: 0, _engine: engine };
        // Tables, rings and buffers reach the size that they keep.
        stand.deposit(COMMANDS);
        stand
    }

    /// So many deposits, sent until the session is full, settled as one batch, and reaped.
    fn deposit(&mut self, commands: u64) {
        let until = self.sent + commands;
        while self.sent < until || self.session.in_flight() > 0 {
            while self.sent < until && self.session.request(self.next()).is_ok() {
                self.sent += 1;
            }
            self.stages.step(Stage::Writer);
            while let Some(answer) = self.session.reap() {
                answer.unwrap();
            }
            // A segment that is rolled to, some hundred batches on, is prepared on another thread.
            opt_out(|| {
                self.stages.step(Stage::Segments);
            });
        }
    }

    fn next(&self) -> Request<Account> {
        let key = self.keyed.then(|| CommandKey::from(u128::from(self.sent)));
        Request { key, ..Request::new(self.sent * 7_919 % ACCOUNTS, Command::Deposit(1)) }
    }
}

/// How often the commands allocate in steady state, and in how many batches they are written.
fn counted(in_flight: usize, keyed: bool) -> (u64, u64) {
    let mut stand = Stand::new(in_flight, keyed);
    let allocated = measure(|| stand.deposit(COMMANDS)).count_total;
    let batches = COMMANDS.div_ceil(in_flight as u64);
    println!("{in_flight} in flight, keyed {keyed}: {allocated} in {batches} batches");
    (allocated, batches)
}

#[track_caller]
fn assert_allocates_by_batch(in_flight: usize, keyed: bool) {
    let (allocated, batches) = counted(in_flight, keyed);
    assert!(
        allocated <= batches * PER_BATCH_MAX,
        "{allocated} allocations by {COMMANDS} commands in {batches} batches"
    );
}

#[test]
fn commands_allocate_nothing() {
    assert_allocates_by_batch(1_024, false);
}

#[test]
fn small_batches_allocate_no_more_than_large_ones() {
    assert_allocates_by_batch(64, false);
}

#[test]
fn commands_with_keys_allocate_no_more() {
    assert_allocates_by_batch(1_024, true);
}
