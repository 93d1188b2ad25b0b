//! Proof that a batch is durable.

use crate::durability::Durability;

/// Comes only with a batch the disk has reported as written: nobody outside can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    durability: Durability,
}

impl Proof {
    pub(super) fn new(durability: Durability) -> Proof {
        Proof { durability }
    }

    /// What the batch survives.
    pub fn durability(&self) -> Durability {
        self.durability
    }
}
