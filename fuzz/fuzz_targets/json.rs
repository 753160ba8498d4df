//! Our JSON reader and serde_json agree about every text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use local_registry_core::compare_with_serde_json;

fuzz_target!(|text: &str| compare_with_serde_json(text));
