//! AdmissionReviews, as the API server reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The JSONPatch of a response, decoded; `None` if it has none.
pub fn patch(response: &Value) -> Option<Value> {
    let encoded = response.get("patch")?.as_str().unwrap();
    assert_eq!(response["patchType"], "JSONPatch");
    Some(serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap())
}
