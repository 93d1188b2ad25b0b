//! What is kept of many answers, and what keeping it costs.

use std::time::{Duration, Instant};

use hotledger::{Chain, Durability, Position, Receipt, Version};

use super::{SHARE_MAX, SLOWEST_MAX, Samples, is_chosen};

fn receipt(index: u64, batch: u64) -> Receipt {
    let mut chain = [0; 32];
    chain[..8].copy_from_slice(&batch.to_le_bytes());
    Receipt {
        position: Position::at(index),
        version: Version(1),
        events: 1,
        chain: Chain(chain),
        durability: Durability::Synced,
        duplicate: false,
    }
}

/// One look for each answer; each took so many microseconds.
fn answer(samples: &mut Samples, zero: Instant, answers: impl Iterator<Item = (Receipt, u64)>) {
    for (receipt, micros) in answers {
        samples.see(0, &receipt);
        samples.take(0..1, zero + Duration::from_micros(micros), |_| (zero, zero));
        samples.end_look();
    }
}

#[test]
fn the_slowest_of_each_batch_is_kept_and_of_those_the_slowest() {
    let (mut samples, zero) = (Samples::new(), Instant::now());
    // Batches of 4, of which the second is the slowest; later batches are slower.
    let batches = 2 * SLOWEST_MAX as u64;
    let all = (0..batches * 4).map(|index| {
        let micros = index / 4 * 10 + u64::from(index % 4 == 1);
        (receipt(index, index / 4), micros)
    });
    answer(&mut samples, zero, all);
    let slowest: Vec<_> = samples.slowest().collect();
    assert_eq!(slowest.len(), SLOWEST_MAX + 1, "and the newest");
    for sample in slowest {
        let index = sample.position.index().unwrap();
        assert_eq!(index % 4, 1);
        assert!(index / 4 >= batches - SLOWEST_MAX as u64 - 1, "{index} is of a faster batch");
    }
}

#[test]
fn the_share_stays_within_its_bound_and_is_the_same_for_two_clients() {
    let zero = Instant::now();
    let count = 20 * SHARE_MAX as u64;
    let client = |which: Option<u64>| {
        let mut samples = Samples::new();
        let own = (0..count).filter(|index| which.is_none_or(|which| index % 2 == which));
        answer(&mut samples, zero, own.map(|index| (receipt(index, index), 1)));
        samples
    };
    let all = client(None);
    let mut both = client(Some(0));
    both.merge(&client(Some(1)));
    assert!((SHARE_MAX / 3..=SHARE_MAX).contains(&all.share().len()), "{}", all.share().len());
    let mut of_both: Vec<_> = both.share().iter().map(|sample| sample.position).collect();
    of_both.sort();
    let of_all: Vec<_> = all.share().iter().map(|sample| sample.position).collect();
    assert_eq!(of_both, of_all);
}

#[test]
fn a_look_is_taken_by_the_times_of_its_answers() {
    let (mut samples, zero) = (Samples::new(), Instant::now());
    let at = |micros| zero + Duration::from_micros(micros);
    for answer in 0..10 {
        samples.see(answer, &Receipt { events: u32::from(answer > 0), ..receipt(answer, 1) });
    }
    samples.take(0..4, at(100), |answer| (at(answer), at(20)));
    samples.take(4..10, at(100), |answer| (at(answer), at(30)));
    samples.end_look();
    let sent: Vec<_> = samples.share().iter().map(|sample| sample.sent).collect();
    assert_eq!(sent, [[at(20); 3].as_slice(), &[at(30); 6]].concat(), "the first had no event");
    let slowest: Vec<_> = samples.slowest().map(|sample| sample.latency().as_micros()).collect();
    assert_eq!(slowest, [99]);
}

#[test]
fn without_chains_one_of_every_millisecond_counts() {
    let (mut samples, zero) = (Samples::new(), Instant::now());
    let unchained = |index| Receipt { chain: Chain::ZERO, ..receipt(index, 0) };
    let all = (0..30).map(|index| (unchained(index), index * 100));
    answer(&mut samples, zero, all);
    let mut slowest: Vec<_> = samples.slowest().map(|it| it.position.index().unwrap()).collect();
    slowest.sort_unstable();
    assert_eq!(slowest, [9, 19, 29]);
}

#[test]
fn keeping_allocates_nothing() {
    let (mut samples, zero) = (Samples::new(), Instant::now());
    let many = (0..100_000).map(|index| (receipt(index, index), index * 7 % 1_000));
    let counted = allocation_counter::measure(|| answer(&mut samples, zero, many));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_smaller_share_is_part_of_every_greater_one() {
    let share = |one_in| (0..8_192).filter(move |at| is_chosen(Position::at(*at), one_in));
    for one_in in [2, 16, 256] {
        let count = share(one_in).count() as u64;
        assert!((count * one_in).abs_diff(8_192) <= 8_192 / 4, "{count} of one in {one_in}");
        assert!(share(one_in).all(|at| is_chosen(Position::at(at), one_in / 2)));
    }
}
