//! How often a CRD may be changed.

use std::time::Duration;

use tokio::time::Instant;

/// How many changes may come at once, and after how long one more may: enough for any upgrade, and too few for a race with a
/// program that takes the field out whenever it is added. Only changes that were made count: what fails has a back-off.
const BURST: u32 = 20;
const REFILL: Duration = Duration::from_mins(1);

/// The changes that are left.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u32,
    refilled: Instant,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: BURST, refilled: Instant::now() }
    }
}

impl Allowance {
    /// Whether no change is left.
    pub(super) fn is_spent(&mut self) -> bool {
        self.refill();
        self.left == 0
    }

    /// Takes one change, which was made.
    pub(super) fn spend(&mut self) {
        self.refill();
        self.left = self.left.saturating_sub(1);
    }

    fn refill(&mut self) {
        while self.left < BURST && self.refilled.elapsed() >= REFILL {
            self.left += 1;
            self.refilled += REFILL;
        }
        if self.left == BURST {
            self.refilled = Instant::now();
        }
    }
}
