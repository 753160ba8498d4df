//! How many inputs a property is tested with.

use proptest::test_runner::{Config, RngSeed};

/// Tests the same `cases` inputs in every run. With `PROPTEST_CASES`, which `make fuzz` sets: that many random ones.
pub fn config(cases: u32, seed: u64) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let defaults = Config { failure_persistence: None, ..Config::default() };
    if asked { defaults } else { Config { cases, rng_seed: RngSeed::Fixed(seed), ..defaults } }
}
