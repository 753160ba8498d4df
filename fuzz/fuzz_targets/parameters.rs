//! The parameters of a run, whatever their text is: the portable name in them becomes the cluster's host, nothing else
//! changes, and a second decision changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::shipwright::LookupError;
use local_registry_core::{Decision, Request, decide};
use serde_json::Value;

const HOST: &str = "kind-registry:5000";

/// The object of a run with these parameters, as the policy stores it; `None` if it is rejected or not changed.
fn stored(object: &str) -> Option<String> {
    let payload = format!(
        r#"{{"settings":{{"host":"{HOST}"}},"request":{{"kind":{{"group":"shipwright.io","version":"v1beta1","kind":"BuildRun"}},"operation":"CREATE","object":{object}}}}}"#
    );
    let request = Request::parse(payload.as_bytes()).ok()?;
    let mut builds = |_: &str, _: &str| Err(LookupError::NotFound);
    let Ok(Decision::Accept { edits, .. }) = decide(&request, &mut builds) else { return None };
    let mut object = String::new();
    request.apply(&edits, &mut object).unwrap();
    (!edits.is_empty()).then_some(object)
}

fuzz_target!(|parameters: &str| {
    if serde_json::from_str::<Value>(parameters).is_err() {
        return;
    }
    let written = format!(r#"{{"spec":{{"paramValues":{parameters}}}}}"#);
    let Some(resolved) = stored(&written) else { return };
    let portable = |text: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        value.to_string().replace(HOST, PORTABLE_HOST)
    };
    assert_eq!(portable(&resolved), portable(&written));
    assert_eq!(stored(&resolved), None, "{resolved}");
});
