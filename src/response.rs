//! Responses as the host reads them.

use local_registry_core::{Code, Edits, Request, Warning};
use serde::Serialize;
use wapc_guest::CallResult;

use crate::json::{json, text};

/// The SDK's `ValidationResponse` but for the mutated object, which the SDK holds as a tree of values.
/// Here it is text, so that the parts of the object that do not change come out as they went in.
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

/// Lets the object pass as it is.
pub(crate) fn accept(warnings: &[Warning]) -> CallResult {
    json(&accepted(warnings))
}

/// Lets the object pass with the edits made.
pub(crate) fn mutate(request: &Request<'_>, edits: &Edits, warnings: &[Warning]) -> CallResult {
    let mut response = text(&accepted(warnings))?;
    // What follows stands within the object that was just closed.
    response.pop();
    response.push_str(r#","mutated_object":"#);
    // As text: an error in itself would bring the code along that prints it for programmers.
    request.apply(edits, &mut response).map_err(|error| error.to_string())?;
    response.push('}');
    Ok(response.into_bytes())
}

/// Keeps the object out.
pub(crate) fn reject(message: &str, code: Code) -> CallResult {
    let response = Response { accepted: false, message: Some(message), code: Some(code as u16), warnings: Vec::new() };
    json(&response)
}

fn accepted(warnings: &[Warning]) -> Response<'static> {
    let warnings = warnings.iter().map(ToString::to_string).collect();
    Response { accepted: true, message: None, code: None, warnings }
}
