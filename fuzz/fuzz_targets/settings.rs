//! Accepted settings are valid JSON, and their host is valid.
#![no_main]

use libfuzzer_sys::fuzz_target;
use local_registry_core::{RegistryHost, Settings};

fuzz_target!(|bytes: &[u8]| {
    let Ok((settings, _)) = Settings::parse(bytes) else { return };
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok());
    if let Some(host) = settings.host {
        RegistryHost::parse(host.as_str()).unwrap();
    }
});
