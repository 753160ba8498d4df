//! Numbers at random, which a seed says.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Throws that are the same for the same seed.
pub(crate) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// A number below this one; 0 below 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.thrown += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, self.thrown).hash(&mut hasher);
        hasher.finish().checked_rem(limit).unwrap_or_default()
    }

    /// One of these.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[index(self.below(all.len() as u64))]
    }

    /// These in another order.
    pub(crate) fn shuffled<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        for last in (1..all.len()).rev() {
            all.swap(last, index(self.below(last as u64 + 1)));
        }
        all
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("an index")
}
