//! Every bound of the engine, in one place, with why it is what it is.

use std::time::Duration;

use hotledger_journal::{BATCH_BYTES_MAX, ENTRY_BYTES_MAX};

/// One-shot commands that may wait for the writer; one more is answered `Overloaded`.
///
/// At a million commands a second this is 8 ms of work: a longer queue only makes answers late.
pub const MAILBOX_COMMANDS_MAX: usize = 8_192;

/// Commands that the writer takes up before it hands the batch to the disk.
///
/// Bounds the time between two looks at the completed writes. At 165 ns a command a full turn is
/// 2.7 ms; the batch is usually full before.
pub const TURN_COMMANDS_MAX: usize = 16_384;

/// Commands that are taken up together, and entries whose aggregates are fetched into the cache
/// together: more than the processor has lookups under way at once, and few enough to be in its
/// nearest cache still when they are used.
pub(crate) const GROUP: usize = 32;

/// Commands of a group that are settled between two looks at what comes next.
pub(crate) const STRIDE: usize = 4;

/// How many times as many behind these are being fetched by then. Fetched all at once, what a group
/// looks up comes late: see docs/decisions/0009.
pub(crate) const STRIDES_AHEAD: usize = 2;

/// One-shot commands that are settled and wait for the disk; with so many the writer takes up no
/// more of them, and the mailbox fills.
pub const SETTLED_MAX: usize = 2 * TURN_COMMANDS_MAX;

/// Commands one pipelined session may have under way.
pub const SESSION_IN_FLIGHT_MAX: usize = 1 << 20;

/// Journal bytes that a recovery reads without a thread beside: most tails are shorter, and a
/// simulator, whose journals are, steps recovery in one order.
pub(crate) const READ_AHEAD_AFTER: u64 = 16 << 20;

/// Verified batches that wait for whoever folds them; each keeps up to 2 MiB. As long as these and
/// two more are fewer than a reader keeps (`CHUNKS_KEPT`), it takes the same memory again.
pub(crate) const BATCHES_AHEAD: usize = 8;

/// Command keys that are remembered: the window within which a key is taken up only once.
pub const KEYS_MAX: usize = 1_000_000;

/// The largest window of command keys: their places are told apart by half a hash.
pub(crate) const KEYS_WINDOW_MAX: usize = 1 << 30;

/// Command keys that room is made for at once, some 75 bytes each, touched only as they come.
pub(crate) const KEYS_ROOM: usize = 1 << 22;

/// Durable batches a reader may be behind before it has to fall back to the journal.
pub const FEED_BATCHES_MAX: usize = 32;

/// Events a view may hold back while a reader keeps it from being published.
///
/// A reader that never lets go would otherwise make the list of held-back events grow for ever;
/// at the limit the projector waits, and later catches up from the journal.
pub const UNPUBLISHED_EVENTS_MAX: usize = 65_536;

/// Rows of a table that change while it comes through history and are not shown yet: with so many
/// they are shown. Beside the rows themselves a table holds no more, but for what one event adds.
pub(crate) const ROWS_GATHERED_MAX: usize = 1 << 18;

/// Positions of history, of whatever kind, that a table comes through before it shows what changed,
/// looked at behind each batch. [`SHOWN_AFTER`] comes first unless the clock stands still.
pub(crate) const EVENTS_GATHERED_MAX: u64 = 1 << 20;

/// How long, at least and at most, a table comes through history before it shows what changed,
/// looked at behind each batch: so much later than batch by batch whoever waits for a position on
/// the way gets it, a small part of [`READ_AFTER_WAIT`].
pub(crate) const SHOWN_AFTER: (Duration, Duration) =
    (Duration::from_millis(20), Duration::from_millis(200));

/// In between: so many times as long as it took to show the last changes, so that a table is busy
/// with that for a ninth of its time.
///
/// Shown every 20 ms, a table of 100,000 rows came through 1.6 million events a second, this way
/// through 3.9 (`cargo bench --bench figures -- catch-up`).
pub(crate) const SHOWN_COST_TIMES: u32 = 8;

/// How long the writer and a waiting caller spin before they park: about one sync of a good disk.
///
/// A parked wake-up costs some 20 µs, a sync 75 to 90 µs, so parking on every hop would nearly
/// double the durable latency.
pub const SPIN: Duration = Duration::from_micros(120);

/// Idle time after which what was acknowledged is covered by a watermark batch.
pub const WATERMARK_AFTER: Duration = Duration::from_millis(50);

/// Rest between two pieces of a segment that is filled ahead of need, so that most journal writes
/// find a free disk; there is none while the present segment is used up faster.
///
/// Who wakes more often takes the core from a writer that spins: with a tenth of this rest,
/// commands at a million a second were seen to stand still for 20 to 60 ms.
pub const FILL_REST: Duration = Duration::from_millis(1);

/// How long a snapshot is worked on between two rests. Who comes to a core that a spinning writer
/// yields, and does not sleep, has it for a slice of some milliseconds.
pub(crate) const EASE_WORK: Duration = Duration::from_micros(200);

/// Such a rest.
pub(crate) const EASE_REST: Duration = FILL_REST;

/// How many intervals between two snapshots the writer may be ahead of the one that is being built
/// before there are no rests any more. They get shorter on the way.
///
/// With both cores busy all the time and rests of full length, the snapshot of 200,000 keyed
/// commands was 9 s in the making, with these 1.5 s, and the tail behind it grows as long.
pub(crate) const EASE_LAG_MAX: f64 = 4.0;

/// Times of batches that are held for whoever asks for them; with so many the newest are lost.
pub const TIMES_HELD_MAX: usize = 65_536;

/// How long `read_after` waits for a view unless told otherwise.
pub const READ_AFTER_WAIT: Duration = Duration::from_secs(1);

/// The first and the longest pause before a failed projector is tried again.
pub const PROJECTOR_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(10));

/// Snapshots that are kept; the older one serves when the newer one is damaged.
pub const SNAPSHOTS_KEPT: usize = 2;

/// A snapshot is built after this many events unless the builder says otherwise.
pub const SNAPSHOT_EVERY_EVENTS: u64 = 1_000_000;

const _: () = assert!(
    BATCH_BYTES_MAX >= 2 * ENTRY_BYTES_MAX,
    "a batch takes up commands until the largest one might no longer fit, so it needs room for two"
);
const _: () =
    assert!(WATERMARK_AFTER.as_millis() < 100, "a watermark is durable within 100 ms of idling");
const _: () = assert!(
    SHOWN_AFTER.1.as_millis() * 5 <= READ_AFTER_WAIT.as_millis(),
    "who waits for a position that a table comes through can afford that it is shown a little later"
);
const _: () = assert!(
    SPIN.as_micros() < WATERMARK_AFTER.as_micros(),
    "an idle writer parks before it writes a watermark"
);
