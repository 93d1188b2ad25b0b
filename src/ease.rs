//! How a thread that nobody waits for leaves the cores to those who are waited for.
//!
//! The lowest priority is not enough for that: a writer that spins yields, so that the kernel can
//! finish its write, and whoever gets the core then has it for a slice of some milliseconds. So
//! such a thread works for a short while and rests for a longer one.

use std::cell::RefCell;
use std::time::Duration;

use crate::clock::Stamp;
use crate::limits::{EASE_REST, EASE_WORK};

/// Comparisons take some nanoseconds each.
const COMPARED_AT_ONCE: u64 = 256;

thread_local! {
    static EASE: RefCell<Option<Ease>> = const { RefCell::new(None) };
}

/// What a thread that works at ease knows.
struct Ease {
    since: Stamp,
    rested: Duration,
    /// Gone once there is a hurry.
    rest: Option<Box<dyn FnMut(Duration) -> bool>>,
}

/// Does a piece of work with rests wherever it breathes: `rest` sleeps for so long, and is not
/// asked again once it says `false`.
pub(crate) fn at_ease<T>(
    rest: impl FnMut(Duration) -> bool + 'static,
    work: impl FnOnce() -> T,
) -> T {
    let ease = Ease { since: Stamp::now(), rested: Duration::ZERO, rest: Some(Box::new(rest)) };
    EASE.set(Some(ease));
    let done = work();
    EASE.set(None);
    done
}

/// To be called in long work after every piece of a few microseconds. Where nobody works at ease,
/// which is everywhere but in the background, it is a look at one variable.
#[inline]
pub(crate) fn breathe() {
    EASE.with_borrow_mut(|ease| ease.iter_mut().for_each(Ease::breathe));
}

/// Whether this thread rests now and then.
pub(crate) fn is_at_ease() -> bool {
    EASE.with_borrow(|ease| ease.as_ref().is_some_and(|ease| ease.rest.is_some()))
}

/// Ends the ease of this thread: what it does has become urgent.
pub(crate) fn hurry() {
    EASE.with_borrow_mut(|ease| ease.iter_mut().for_each(|ease| ease.rest = None));
}

/// How long this thread has rested since it began to work at ease.
pub(crate) fn rested() -> Duration {
    EASE.with_borrow(|ease| ease.as_ref().map_or(Duration::ZERO, |ease| ease.rested))
}

/// Sorts without regard to the order of equals, and breathes.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let mut comparisons = 0_u64;
    items.sort_unstable_by(|left, right| {
        comparisons += 1;
        if comparisons.is_multiple_of(COMPARED_AT_ONCE) {
            breathe();
        }
        key(left).cmp(&key(right))
    });
}

impl Ease {
    fn breathe(&mut self) {
        let Some(rest) = self.rest.as_mut().filter(|_| self.since.elapsed() >= EASE_WORK) else {
            return;
        };
        let before = Stamp::now();
        let again = rest(EASE_REST);
        self.since = Stamp::now();
        self.rested += self.since.since(before);
        if !again {
            self.rest = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    /// Works at ease until it has rested so often, or need not any more.
    fn rests(wanted: u32, again: bool) -> (u32, Duration) {
        let rests = Rc::new(Cell::new(0));
        let count = Rc::clone(&rests);
        let rest = move |rest| {
            count.set(count.get() + 1);
            std::thread::sleep(rest);
            again
        };
        let rested = at_ease(rest, || {
            while is_at_ease() && rests.get() < wanted {
                breathe();
            }
            (0..100).for_each(|_| breathe());
            rested()
        });
        (rests.get(), rested)
    }

    #[test]
    fn who_works_at_ease_rests_after_every_stretch() {
        let (rests, rested) = rests(3, true);
        assert!(rests >= 3 && rested >= 3 * EASE_REST, "{rests} rests of {rested:?}");
    }

    #[test]
    fn a_rest_that_ends_the_ease_is_the_last() {
        let (rests, rested) = rests(3, false);
        assert!(rests == 1 && rested >= EASE_REST, "{rests} rests of {rested:?}");
    }

    #[test]
    fn in_a_hurry_nobody_rests() {
        let never = |_| panic!("it is urgent");
        at_ease(never, || {
            hurry();
            let since = Stamp::now();
            while since.elapsed() < 2 * EASE_WORK {
                breathe();
            }
            assert!(!is_at_ease());
        });
    }

    #[test]
    fn the_ease_ends_with_the_work() {
        at_ease(|_| true, || assert!(is_at_ease()));
        assert!(!is_at_ease() && rested() == Duration::ZERO);
        let mut items = vec![3, 1, 2];
        sort_by_key(&mut items, |item| *item);
        assert_eq!(items, [1, 2, 3]);
    }
}
