//! Responses, as the policy server reads them.

use local_registry_core::Request;
use local_registry_core::admission::{Code, Edits, Warning};
use serde::Serialize;
use wapc_guest::CallResult;

use crate::encode;

/// The SDK's `ValidationResponse` without the mutated object, which the SDK has as a tree of values. Ours is text, so that
/// whatever does not change keeps its form.
#[derive(Serialize)]
struct Response<'a> {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Accepts the object as it is.
pub(crate) fn accept(warnings: &[Warning]) -> CallResult {
    encode::bytes(&accepted(warnings))
}

/// Accepts the object with these edits.
pub(crate) fn mutate(request: &Request<'_>, edits: &Edits, warnings: &[Warning]) -> CallResult {
    let mut response = encode::text(&accepted(warnings))?;
    // The mutated object is one more field of the response, so its closing brace comes later.
    response.pop();
    response.push_str(r#","mutated_object":"#);
    // As text: the error itself would bring the code of its `Debug` into the module.
    request.apply(edits, &mut response).map_err(|error| error.to_string())?;
    response.push('}');
    Ok(response.into_bytes())
}

/// Rejects the object.
pub(crate) fn reject(message: &str, code: Code) -> CallResult {
    let response = Response { accepted: false, message: Some(message), code: Some(code as u16), warnings: Vec::new() };
    encode::bytes(&response)
}

fn accepted(warnings: &[Warning]) -> Response<'static> {
    let warnings = warnings.iter().map(ToString::to_string).collect();
    Response { accepted: true, message: None, code: None, warnings }
}
