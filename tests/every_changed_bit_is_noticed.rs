//! A bit that changes on disk is noticed, or no answer changes by it: nothing is silently other.
//!
//! Every flip, cut and exchanged block of a journal with every shape in it goes through the real
//! recovery, a few seconds' worth of them in each run. All of them, for hours:
//! `HOTLEDGER_FLIPS=all cargo test --release --test every_changed_bit_is_noticed -- --nocapture`.

#[path = "support/bits/mod.rs"]
mod bits;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bits::canon::{builder, canon, crashed};
use bits::image::{Patch, StillDisk};
use bits::judge::{BLOCK, Due, Judge, Spot, Verdict, has_zero_sector, segment};
use bits::plan::{Plan, mix, peak_bytes};
use hotledger::{From, StreamId};
use hotledger_journal::BatchKind;

/// Nothing healthy takes longer over one damaged place.
const SLOWEST: Duration = Duration::from_secs(10);

/// A length that was believed before it was checked would ask for more.
const PEAK_BYTES_MAX: u64 = 512 << 20;

/// Every bit that was ever written, then a bit of every byte that was not: file and bit.
struct Bits {
    ranges: Vec<(String, usize, usize)>,
}

impl Bits {
    fn used(judge: &Judge) -> Bits {
        let ranges = (1..=3).map(|number| (segment(number), 0, judge.used(number) * 8));
        Bits { ranges: ranges.collect() }
    }

    fn count(&self) -> usize {
        self.ranges.iter().map(|(_, from, to)| to - from).sum()
    }

    fn get(&self, mut at: usize) -> (&str, usize) {
        for (file, from, to) in &self.ranges {
            if at < to - from {
                return (file, from + at);
            }
            at -= to - from;
        }
        panic!("there are only {} bits", self.count())
    }
}

/// The bytes of all segments and of the spare in which nothing was written.
fn unused(judge: &Judge) -> Vec<(String, usize)> {
    let mut places = Vec::new();
    for number in 1..=4 {
        let (name, from) = (segment(number), judge.used(number));
        let length = judge.image.bytes(&name).len();
        // Each look at the spare is a look at all of it: one byte in 16 is enough of the same.
        let step = if from == 0 { 16 } else { 1 };
        places.extend((from..length).step_by(step).map(|offset| (name.clone(), offset)));
    }
    places
}

#[test]
fn the_journal_has_every_shape() {
    let judge = Judge::of(canon().image.clone());
    let kinds: Vec<_> = judge.batches.iter().map(|batch| batch.kind()).collect();
    let count = |kind| kinds.iter().filter(|found| **found == kind).count();
    assert!(count(BatchKind::Opening) >= 5, "one of each epoch and of each segment: {kinds:?}");
    assert!(count(BatchKind::Watermark) >= 2 && count(BatchKind::Close) >= 2, "{kinds:?}");
    assert_eq!((count(BatchKind::Footer), kinds.last()), (2, Some(&BatchKind::Close)));
    let fences = judge.batches.windows(2).filter(|pair| pair[0].epoch() < pair[1].epoch());
    let fences: BTreeSet<_> = fences.map(|pair| format!("{:?}", pair[1].kind())).collect();
    assert_eq!(fences.len(), 2, "an epoch begins with an opening or with a footer: {fences:?}");

    let mut ids = BTreeSet::new();
    let mut shapes = BTreeSet::new();
    for batch in judge.batches.iter().filter(|batch| batch.kind() == BatchKind::Data) {
        for entry in batch.entries().map(Result::unwrap) {
            let head = entry.head();
            shapes.insert((head.key.is_some(), head.correlation.is_some(), entry.event_count()));
            shapes.insert((head.causation.is_some(), true, 9));
            for event in entry.events().map(Result::unwrap) {
                ids.insert(match event.id {
                    StreamId::U64(_) => "u64",
                    StreamId::U128(_) => "u128",
                    StreamId::Uuid(_) => "uuid",
                    StreamId::Text(_) => "text",
                });
            }
        }
    }
    assert_eq!(ids.len(), 4, "an id of each type");
    for shape in [(true, false, 0), (true, true, 1), (false, true, 1), (false, false, 1)] {
        assert!(shapes.contains(&shape), "{shape:?} is missing of {shapes:?}");
    }
    assert!(shapes.contains(&(true, true, 9)) && shapes.contains(&(false, true, 9)));
    assert!(shapes.iter().any(|(_, _, events)| *events == 3), "an entry of several events");
    assert!(Bits::used(&judge).count() >= 1 << 23, "as many bits as 1 MiB has");
    assert!(judge.image.bytes(&segment(4)).iter().all(|byte| *byte == 0), "there is a spare");
}

#[test]
fn every_flipped_bit_is_refused_or_changes_nothing() {
    let (plan, judge) = (Plan::within(4.0), Judge::of(canon().image.clone()));
    let (used, unused) = (Bits::used(&judge), unused(&judge));
    let mut tally = BTreeMap::<&str, u64>::new();
    let mut slowest = Duration::ZERO;
    for at in plan.walk(used.count() + unused.len()) {
        let (file, bit) = match at.checked_sub(used.count()) {
            None => used.get(at),
            Some(at) => (unused[at].0.as_str(), unused[at].1 * 8 + unused[at].1 % 8),
        };
        let started = Instant::now();
        let verdict = judge.shortly(vec![judge.image.flip(file, bit)]);
        slowest = slowest.max(started.elapsed());
        judge.assert_due(&verdict, file, bit / 8);
        let outcome = match verdict {
            Verdict::Refused(_) => "refused, naming the place",
            _ if at < used.count() => "the closing batch, which holds nothing",
            _ => "where nothing was written",
        };
        *tally.entry(outcome).or_default() += 1;
    }
    judge.disk.assert_untouched();
    assert!(slowest < SLOWEST, "{slowest:?}");
    let flips = tally.values().sum::<u64>();
    assert!(flips >= 8, "{tally:?}");
    let peak = peak_bytes().unwrap_or(0);
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes");
    plan.say(&format!(
        "{flips} flips of {} bits that were written and {} bytes that were not: {tally:?}, none \
         silent; the slowest took {slowest:?}; {} MiB at most",
        used.count(),
        unused.len(),
        peak >> 20
    ));
}

/// Bytes of headers, trailers, openings and footers.
fn framing(judge: &Judge) -> Vec<(String, usize)> {
    let mut places = Vec::new();
    for number in 1..=3 {
        places.extend((0..BLOCK).map(|offset| (segment(number), offset)));
    }
    for batch in &judge.batches {
        let (start, length) = (batch.offset() as usize, batch.stored_bytes() as usize);
        let whole = matches!(batch.kind(), BatchKind::Opening | BatchKind::Footer);
        let head = if whole { length } else { 160 };
        let offsets = (start..start + head).chain(start + length - 16..start + length);
        let offsets: BTreeSet<_> = offsets.collect();
        places.extend(offsets.into_iter().map(|offset| (segment(batch.segment()), offset)));
    }
    places
}

#[test]
fn the_short_way_and_the_whole_way_come_to_the_same() {
    let (plan, judge) = (Plan::within(4.0), Judge::of(canon().image.clone()));
    let (used, unused, framing) = (Bits::used(&judge), unused(&judge), framing(&judge));
    let samples = 8_000;
    let mut agreed = 0;
    for at in plan.walk(framing.len() + 2 * samples) {
        let random = mix(at as u64) as usize;
        let (file, bit) = match at.checked_sub(framing.len()) {
            None => (framing[at].0.as_str(), framing[at].1 * 8 + framing[at].1 % 8),
            Some(at) if at < samples => used.get(random % used.count()),
            Some(_) => {
                let (file, offset) = &unused[random % unused.len()];
                (file.as_str(), offset * 8 + random % 8)
            }
        };
        let flip = judge.image.flip(file, bit);
        let (short, whole) = (judge.shortly(vec![flip.clone()]), judge.wholly(vec![flip]));
        assert_eq!(short, whole, "{file} bit {bit}");
        judge.assert_due(&whole, file, bit / 8);
        agreed += 1;
    }
    judge.disk.assert_untouched();
    assert!(agreed > 20_000 || !plan.all && agreed >= 8, "{agreed}");
    plan.say(&format!("flips judged both ways: {agreed}"));
}

#[test]
fn a_flip_where_nothing_proves_the_batch_is_no_torn_write() {
    let (plan, judge) = (Plan::within(3.0), Judge::of(crashed()));
    let first = (0..judge.batches.len()).find(|at| !judge.is_proven(*at)).expect("the last");
    let unproven = &judge.batches[first..];
    assert_eq!(unproven.len(), 4, "those that were in flight together");
    assert!(unproven.iter().all(|batch| batch.kind() == BatchKind::Data));
    assert!(!unproven.iter().any(has_zero_sector), "none looks torn as it is");
    // From the batch before, which is proven, to a block behind the last.
    let file = segment(unproven[0].segment());
    let start = judge.batches[first - 1].offset() as usize;
    let end = judge.used(unproven[0].segment()) + BLOCK;
    let (mut refused, mut looked) = (0, 0);
    for at in plan.walk((end - start) * 8) {
        let bit = start * 8 + at;
        let verdict = judge.shortly(vec![judge.image.flip(&file, bit)]);
        judge.assert_due(&verdict, &file, bit / 8);
        refused += usize::from(matches!(verdict, Verdict::Refused(_)));
        looked += 1;
        if at % 64 == 0 {
            let whole = judge.wholly(vec![judge.image.flip(&file, bit)]);
            judge.assert_due(&whole, &file, bit / 8);
        }
    }
    judge.disk.assert_untouched();
    assert!(refused * 10 > looked * 9, "{refused} of {looked}");
    plan.say(&format!("flips in the batches that nothing proves: {refused} of {looked} refused"));
}

/// The documented hole, to the byte: a whole sector that is gone looks like one that never came.
#[test]
fn a_lost_sector_where_nothing_proves_the_batch_loses_that_batch_and_no_other() {
    let judge = Judge::of(crashed());
    let first = (0..judge.batches.len()).find(|at| !judge.is_proven(*at)).expect("the last");
    for at in first..judge.batches.len() {
        let batch = &judge.batches[at];
        let gone = |offset: u64| Patch {
            file: segment(batch.segment()),
            offset: offset as usize,
            bytes: vec![0; 512],
        };
        let verdict = judge.wholly(vec![gone(batch.offset())]);
        assert!(matches!(verdict, Verdict::Short(short) if short == at), "{at}: {verdict:?}");
        let last = batch.offset() + batch.stored_bytes() - 512;
        let verdict = judge.wholly(vec![gone(last)]);
        assert!(matches!(verdict, Verdict::Short(short) if short == at), "{at}: {verdict:?}");
    }
    judge.disk.assert_untouched();
}

#[test]
fn every_flipped_bit_of_a_snapshot_is_made_up_for() {
    let (plan, canon) = (Plan::within(3.0), canon());
    let [older, newer] = &canon.snapshots;
    let alone = canon.image.replaced(newer, None);
    let mut looked = 0;
    // The newer one damaged beside the older, then the older one damaged and alone.
    for (name, image, fallback) in [(newer, &canon.image, Some(older)), (older, &alone, None)] {
        let disk = StillDisk::new(image.clone());
        let archive = builder(disk.clone()).open_read_only().unwrap();
        let digest = || archive.digest(None, From::Snapshot).unwrap();
        let position = |name: &String| name[9..29].parse::<u64>().unwrap();
        assert_eq!(digest().snapshot.map(|at| at.events()), Some(position(name)));
        let bits = image.bytes(name).len() * 8;
        for bit in Plan::within(1.5).walk(bits) {
            disk.damage(vec![image.flip(name, bit)]);
            let report = digest();
            assert_eq!((report.position, report.digest), (canon.position, canon.digest));
            let used = report.snapshot.map(|at| at.events());
            assert_eq!(used, fallback.map(position), "{name} bit {bit}");
            looked += 1;
        }
        disk.assert_untouched();
    }
    assert!(looked >= 8, "{looked}");
    plan.say(&format!("flips in snapshots: {looked}, the digest is always the same"));
}

#[test]
fn every_cut_of_a_snapshot_is_made_up_for() {
    let (plan, canon) = (Plan::within(2.0), canon());
    let [older, newer] = &canon.snapshots;
    let mut cut_short = 0;
    for length in plan.walk(canon.image.bytes(newer).len()) {
        let disk = StillDisk::new(canon.image.cut(newer, length));
        let report = builder(disk).open_read_only().unwrap().digest(None, From::Snapshot).unwrap();
        assert_eq!((report.position, report.digest), (canon.position, canon.digest));
        let used = report.snapshot.map(|at| at.events());
        assert_eq!(used, older[9..29].parse().ok(), "{newer} cut to {length}");
        cut_short += 1;
    }
    plan.say(&format!("cuts of a snapshot: {cut_short} of {}", canon.image.bytes(newer).len()));
}

/// Every bit of the headers, of one batch of each kind, and samples of everything else.
fn verified_bits(judge: &Judge) -> Vec<(String, usize)> {
    let mut bits = Vec::new();
    let mut add = |number: u64, from: usize, to: usize| {
        bits.extend((from * 8..to * 8).map(|bit| (segment(number), bit)));
    };
    for number in 1..=3 {
        add(number, 0, BLOCK);
    }
    let mut kinds = BTreeSet::new();
    for batch in &judge.batches {
        let (start, length) = (batch.offset() as usize, batch.stored_bytes() as usize);
        let small = length == BLOCK && batch.entry_count() != 1;
        if small && kinds.insert(format!("{:?}", batch.kind())) {
            add(batch.segment(), start, start + length);
        } else {
            add(batch.segment(), start, start + 160);
            add(batch.segment(), start + length - 16, start + length);
        }
    }
    assert_eq!(kinds.len(), 5, "a batch of each kind: {kinds:?}");
    let (used, unused) = (Bits::used(judge), unused(judge));
    let samples = (0..used.count()).step_by(257).map(|at| used.get(at));
    bits.extend(samples.map(|(file, bit)| (file.to_owned(), bit)));
    let samples = unused.into_iter().step_by(61);
    bits.extend(samples.map(|(file, offset)| (file, offset * 8 + offset % 8)));
    bits
}

#[test]
fn verify_flags_every_flip() {
    let (plan, judge) = (Plan::within(4.0), Judge::of(canon().image.clone()));
    let (findings, sound) = judge.verified(Vec::new());
    assert_eq!((findings.len(), sound.torn_bytes), (0, 0), "{findings:?}");
    let bits = verified_bits(&judge);
    let mut tally = BTreeMap::<&str, u64>::new();
    for at in plan.walk(bits.len()) {
        let (file, bit) = &bits[at];
        let (findings, summary) = judge.verified(vec![judge.image.flip(file, *bit)]);
        let spot = judge.spot(file, bit / 8);
        let told = format!("{file} bit {bit} ({spot:?}): {findings:?} {summary:?}");
        let outcome = match spot {
            // Whatever lies there, it is not what the journal ends with.
            Spot::Behind(at) if at == judge.batches.len() => match judge.due(file, bit / 8) {
                Due::Refused { .. } => "a finding",
                _ => "said to be a torn tail",
            },
            _ => "a finding",
        };
        if outcome == "a finding" {
            assert_eq!(findings.first().map(|finding| &finding.file), Some(file), "{told}");
        } else {
            assert!(findings.is_empty() && summary.torn_bytes > 0, "{told}");
        }
        *tally.entry(outcome).or_default() += 1;
    }
    judge.disk.assert_untouched();
    assert!(tally.values().sum::<u64>() >= 8, "{tally:?}");
    plan.say(&format!("flips put to verify: {tally:?}, none passed over"));
}

/// Holds a damaged copy of whole blocks against what is due for the blocks in it.
fn judge_blocks(judge: &Judge, patches: Vec<Patch>) -> Verdict {
    let places: Vec<_> = patches.iter().map(|patch| (patch.file.clone(), patch.offset)).collect();
    let verdict = judge.shortly(patches);
    let dues = places.iter().map(|(file, offset)| judge.due_of_block(file, *offset));
    let dues: Vec<_> = dues.collect();
    // Where nothing proves what was there, a lost block looks torn, and another block does not.
    let may = places.iter().any(|(file, offset)| match judge.spot(file, *offset) {
        Spot::Batch(at) => !judge.is_proven(at),
        Spot::Behind(at) => at == judge.batches.len(),
        _ => false,
    });
    let due = dues.iter().any(|due| matches!(due, Due::Refused { .. }));
    match &verdict {
        Verdict::Refused(refusal) => {
            assert!(due || may, "refused for nothing: {refusal:?}, blocks {places:?}");
            assert!(!refusal.unknown_format, "{refusal:?}");
            let names = places.iter().any(|(file, _)| refusal.file == *file);
            assert!(names, "{refusal:?} names none of {places:?}");
            let ceiling = dues.iter().filter_map(|due| match due {
                Due::Refused { position_max, .. } => Some(*position_max),
                _ => None,
            });
            assert!(refusal.position <= ceiling.max().unwrap_or(u64::MAX), "{refusal:?}");
        }
        other => assert!(!due && *other == Verdict::Whole, "blocks {places:?}: {other:?}"),
    }
    verdict
}

fn used_blocks(judge: &Judge) -> Vec<(String, usize)> {
    let blocks = (1..=3).flat_map(|number| {
        (0..judge.used(number)).step_by(BLOCK).map(move |offset| (segment(number), offset))
    });
    blocks.collect()
}

#[test]
fn every_block_zeroed_or_set() {
    let (plan, judge) = (Plan::within(3.0), Judge::of(canon().image.clone()));
    let blocks = used_blocks(&judge);
    let mut changed = 0;
    for at in plan.walk(blocks.len() * 2) {
        let (file, offset) = blocks[at / 2].clone();
        let bytes = vec![if at % 2 == 0 { 0 } else { 0xff }; BLOCK];
        let patch = Patch { file, offset, bytes };
        let whole = judge.wholly(vec![patch.clone()]);
        assert_eq!(judge_blocks(&judge, vec![patch]), whole);
        changed += 1;
    }
    judge.disk.assert_untouched();
    plan.say(&format!("blocks zeroed or set: {changed} of {}", blocks.len() * 2));
}

#[test]
fn every_two_blocks_exchanged_or_one_written_over_the_other() {
    let (plan, judge) = (Plan::within(3.0), Judge::of(canon().image.clone()));
    let blocks = used_blocks(&judge);
    let block = |at: usize| {
        let (file, offset) = &blocks[at];
        &judge.image.bytes(file)[*offset..*offset + BLOCK]
    };
    let moved = |from: usize, to: usize| {
        let (file, offset) = blocks[to].clone();
        Patch { file, offset, bytes: block(from).to_vec() }
    };
    let (mut exchanged, mut compared) = (0, 0);
    for pair in plan.walk(blocks.len() * blocks.len()) {
        let (left, right) = (pair / blocks.len(), pair % blocks.len());
        if left >= right || block(left) == block(right) {
            continue;
        }
        let patches = vec![moved(left, right), moved(right, left)];
        for patches in [patches.clone(), patches[..1].to_vec(), patches[1..].to_vec()] {
            let short = judge_blocks(&judge, patches.clone());
            if exchanged % 32 == 0 {
                assert_eq!(short, judge.wholly(patches), "{left} and {right}");
                compared += 1;
            }
        }
        exchanged += 1;
    }
    judge.disk.assert_untouched();
    assert!(exchanged > 0, "{exchanged}");
    plan.say(&format!("pairs of blocks exchanged: {exchanged}, {compared} read the whole way"));
}

/// Lengths a segment is cut to: every byte about each edge, every sector elsewhere.
fn cuts(judge: &Judge, number: u64) -> BTreeSet<usize> {
    let length = judge.image.bytes(&segment(number)).len();
    let mut cuts: BTreeSet<_> = (0..length).step_by(512).collect();
    let here = judge.batches.iter().filter(|batch| batch.segment() == number);
    let edges = here.flat_map(|batch| [batch.offset(), batch.offset() + batch.stored_bytes()]);
    for edge in edges.map(|edge| edge as usize).chain([0, BLOCK, length]) {
        cuts.extend((edge.saturating_sub(20)..edge + 20).filter(|cut| *cut < length));
    }
    cuts.extend((0..200).chain(BLOCK..BLOCK + 200));
    cuts
}

#[test]
fn every_cut_of_a_segment() {
    let (plan, judge) = (Plan::within(3.0), Judge::of(canon().image.clone()));
    let cuts: Vec<_> = (1..=4)
        .flat_map(|number| cuts(&judge, number).into_iter().map(move |cut| (number, cut)))
        .collect();
    let mut cut_short = 0;
    for at in plan.walk(cuts.len()) {
        let (number, length) = cuts[at];
        let (name, image) = (segment(number), judge.image.cut(&segment(number), length));
        let told = format!("{name} cut to {length}");
        let damaged = judge.elsewhere(image);
        let verdict = damaged.wholly();
        // The spare may be cut short: the segment before it is not sealed.
        match verdict {
            Verdict::Refused(refusal) => assert_eq!((refusal.file, refusal.offset), (name, 0)),
            other => assert!(number == 4 && other == Verdict::Whole, "{told}: {other:?}"),
        }
        let (findings, _) = damaged.verified();
        assert_eq!(findings.is_empty(), number == 4, "{told}: {findings:?}");
        damaged.disk.assert_untouched();
        cut_short += 1;
    }
    plan.say(&format!("cuts: {cut_short} of {}", cuts.len()));
}
