//! Seeds, and what becomes of them under small changes: fuzzing where there is no fuzzer.

use std::{fs, path::Path};

/// Numbers that stand at the edge of something.
const EDGES: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];

/// Calls `run` with every seed in the folder, and with so many changed ones.
///
/// # Panics
/// When there are no seeds.
pub fn run_seeds_and_mutants(folder: &Path, mutants: usize, run: impl Fn(&[u8])) {
    let seeds = seeds(folder);
    assert!(!seeds.is_empty(), "there are seeds in {}", folder.display());
    seeds.iter().for_each(|seed| run(seed));
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..mutants {
        let mut mutant = dice.pick(&seeds).clone();
        for _ in 0..=dice.below(4) {
            dice.mutate(&mut mutant, &seeds);
        }
        run(&mutant);
    }
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder of the seeds can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    // The same dice change the same seeds on every machine.
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed can be read")).collect()
}

/// A xorshift generator: the same throws every time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.throw() % bound.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        let to = at + self.below((bytes.len() - at).min(64));
        match self.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.throw() as u8,
            2 => {
                // An edge in one of its widths, in one of its orders.
                let number = *self.pick(&EDGES);
                let width = 1 << self.below(4);
                let mut edge = number.to_le_bytes()[..width].to_vec();
                if self.below(2) == 0 {
                    edge.reverse();
                }
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, edge);
            }
            3 => drop(bytes.drain(at..to)),
            4 => {
                let copy = bytes[at..to].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let other = self.pick(seeds);
                let from = self.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}
