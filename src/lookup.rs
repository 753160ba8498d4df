//! The call to the host for the Build that a BuildRun names.

use local_registry_core::{BUILD_API_VERSION, BUILD_FIELDS, Excerpt, LookupError};
use serde::Serialize;
use wapc_guest::host_call;

use crate::json::json;

/// The parameters of the host's `get_resource`: the SDK's type of that name, but for its set of fields, whose
/// code is larger than what this policy decides.
#[derive(Serialize)]
struct GetResourceRequest<'a> {
    api_version: &'a str,
    kind: &'a str,
    name: &'a str,
    namespace: &'a str,
    disable_cache: bool,
    field_masks: &'a [&'a str],
}

/// Reads a Build from the cluster. It is never taken from the host's cache: whoever creates a Build
/// and a BuildRun in one breath expects the run to see it.
pub(crate) fn build(namespace: &str, name: &str) -> Result<String, LookupError> {
    let request = GetResourceRequest {
        api_version: BUILD_API_VERSION,
        kind: "Build",
        name,
        namespace,
        disable_cache: true,
        field_masks: &BUILD_FIELDS,
    };
    let failed = |error: &dyn std::fmt::Display| LookupError::Failed(Excerpt(&error.to_string()).to_string());
    let request = json(&request).map_err(|error| failed(&error))?;
    // The SDK's `get_resource` would read the answer here already; who decides reads it once, and sparsely.
    let answer = host_call("kubewarden", "kubernetes", "get_resource", &request)
        .map_err(|error| recognise(&error.to_string(), name))?;
    String::from_utf8(answer).map_err(|error| failed(&error))
}

/// Tells apart what the host says; it has nothing but text to say it with. The texts are those of
/// policy server 1.36, and the name, being that of an object, cannot hold any of them.
fn recognise(text: &str, name: &str) -> LookupError {
    let cause = text.trim_start_matches("Host error: ").trim_start_matches("Callback evaluation failure: ");
    // What follows is the same once more, as a Rust value.
    let cause = cause.split(" (Status {").next().unwrap_or(cause);
    let cause = Excerpt(cause.trim_end_matches('.')).to_string();
    if text.contains(&format!("Cannot find {BUILD_API_VERSION}/Build named '{name}' inside of namespace")) {
        LookupError::NotFound
    } else if text.contains("Policy has not been granted access to Kubernetes ") {
        LookupError::NotGranted(cause)
    } else if text.contains("Policy has not been granted access to the '") {
        LookupError::NoCapability(cause)
    } else if text.contains(" is forbidden: ") {
        LookupError::Forbidden(cause)
    } else if text.contains(&format!("Cannot find resource {BUILD_API_VERSION}/Build"))
        || text.contains(&format!("error finding resource {BUILD_API_VERSION} / Build: ")) && text.contains("404")
    {
        LookupError::NoSuchKind(cause)
    } else {
        LookupError::Failed(cause)
    }
}
