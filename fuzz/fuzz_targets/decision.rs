//! Every payload gets a decision or an error. A changed object is valid JSON, and deciding again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use local_registry_core::admission::Edits;
use local_registry_core::shipwright::LookupError;
use local_registry_core::{Decision, Request, decide};

/// The policy server's answer to a lookup. The length of the name decides which, so the fuzzer reaches each.
fn build(_: &str, name: &str) -> Result<String, LookupError> {
    match name.len() % 3 {
        0 => Ok(r#"{"spec":{"output":{"image":"team/app","local":true}}}"#.to_owned()),
        1 => Ok(name.to_owned()),
        _ => Err(LookupError::NotFound),
    }
}

fn changed(payload: &[u8]) -> Option<String> {
    let request = Request::parse(payload).ok()?;
    let Ok(Decision::Accept { edits, .. }) = decide(&request, &mut build) else { return None };
    if edits == Edits::default() {
        return None;
    }
    let mut object = String::new();
    request.apply(&edits, &mut object).ok()?;
    Some(object)
}

fuzz_target!(|payload: &[u8]| {
    let Some(object) = changed(payload) else { return };
    let object: Box<serde_json::value::RawValue> = serde_json::from_str(&object).unwrap();
    // serde_json cannot read deeply nested text, so such a payload cannot be decided again.
    let Ok(mut payload) = serde_json::from_slice::<serde_json::Value>(payload) else { return };
    let Ok(object) = serde_json::from_str::<serde_json::Value>(object.get()) else { return };
    payload["request"]["object"] = object;
    assert_eq!(changed(payload.to_string().as_bytes()), None);
});
