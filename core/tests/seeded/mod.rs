//! How often properties are asked, here, beside the code and in `harness/tests`.

use proptest::test_runner::{Config, RngSeed};

/// So many cases, the same every time; or as many as `PROPTEST_CASES` asks for, at random, as `make fuzz` does.
pub(crate) fn config(cases: u32, seed: u64) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let defaults = Config { failure_persistence: None, ..Config::default() };
    if asked { defaults } else { Config { cases, rng_seed: RngSeed::Fixed(seed), ..defaults } }
}
