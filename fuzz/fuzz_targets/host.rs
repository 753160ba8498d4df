//! In `HOST/x/y`, a valid host is the registry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use local_registry_core::{ImageReference, RegistryHost};

fuzz_target!(|text: &str| {
    let Ok(host) = RegistryHost::parse(text) else { return };
    assert_eq!(host.as_str(), text);
    let reference = format!("{text}/x/y");
    let parsed = ImageReference::parse(&reference).unwrap();
    assert_eq!((parsed.registry(), parsed.remainder()), (Some(text), "x/y"));
});
