//! Looks up the Build that a BuildRun names, by a call to the policy server.

use local_registry_core::shipwright::{BUILD_API_VERSION, BUILD_FIELDS, LookupError};
use local_registry_core::text::{Excerpt, find};
use serde::Serialize;
use wapc_guest::host_call;

use crate::encode;

/// The parameters of the host capability `get_resource`. The SDK's type has a `HashSet` of field masks in place of a slice,
/// which makes the module 4 KB larger.
#[derive(Serialize)]
struct GetResourceRequest<'a> {
    api_version: &'a str,
    kind: &'a str,
    name: &'a str,
    namespace: &'a str,
    disable_cache: bool,
    field_masks: &'a [&'a str],
}

/// Reads a Build from the cluster, never from the policy server's cache: a BuildRun that is created right after its Build
/// has to find it.
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
    let request = encode::bytes(&request).map_err(|error| failed(&error))?;
    // Not the SDK's `get_resource`, which would parse the answer. The decision parses it, once and sparsely.
    let answer = host_call("kubewarden", "kubernetes", "get_resource", &request)
        .map_err(|error| recognise(&error.to_string(), name))?;
    String::from_utf8(answer).map_err(|error| failed(&error))
}

/// Recognises an error by its text, since the policy server returns nothing else. The texts are those of policy server
/// 1.36. `name` is the name of an object, so it cannot contain any of them.
fn recognise(text: &str, name: &str) -> LookupError {
    let cause = text.strip_prefix("Host error: ").unwrap_or(text);
    let cause = cause.strip_prefix("Callback evaluation failure: ").unwrap_or(cause);
    // After that, the text repeats itself as a Rust value.
    let cause = find(cause, " (Status {").and_then(|end| cause.get(..end)).unwrap_or(cause);
    let cause = Excerpt(cause.trim_end_matches('.')).to_string();
    let says = |part: &str| find(text, part).is_some();
    if says(&format!("Cannot find {BUILD_API_VERSION}/Build named '{name}' inside of namespace")) {
        LookupError::NotFound
    } else if says("Policy has not been granted access to Kubernetes ") {
        LookupError::NotGranted(cause)
    } else if says("Policy has not been granted access to the '") {
        LookupError::NoCapability(cause)
    } else if says(" is forbidden: ") {
        LookupError::Forbidden(cause)
    } else if says(&format!("Cannot find resource {BUILD_API_VERSION}/Build"))
        || says(&format!("error finding resource {BUILD_API_VERSION} / Build: ")) && says("404")
    {
        LookupError::NoSuchKind(cause)
    } else {
        LookupError::Failed(cause)
    }
}
