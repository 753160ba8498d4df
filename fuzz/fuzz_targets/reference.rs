//! A reference prints as it was written. With a host in front of it, that host is its registry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use local_registry_core::{ImageReference, RegistryHost};

fuzz_target!(|text: &str| {
    let Ok(reference) = ImageReference::parse(text) else { return };
    assert_eq!(reference.to_string(), text);
    if reference.registry().is_none() {
        let host = RegistryHost::parse("kind-registry:5000").unwrap();
        let injected = reference.at(&host);
        let again = ImageReference::parse(&injected).unwrap();
        assert_eq!((again.registry(), again.remainder()), (Some(host.as_str()), text));
    }
});
