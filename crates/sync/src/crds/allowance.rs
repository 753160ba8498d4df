//! How often a CRD may be changed.

use std::time::Duration;

use tokio::time::Instant;

/// How many changes may come at once, and after how long one more may: enough for any upgrade, and too few for a race with a
/// program that takes the field out whenever it is added.
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
    /// Takes one change; `false` if none is left.
    pub(super) fn take(&mut self) -> bool {
        while self.left < BURST && self.refilled.elapsed() >= REFILL {
            self.left += 1;
            self.refilled += REFILL;
        }
        if self.left == BURST {
            self.refilled = Instant::now();
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}
