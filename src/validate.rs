//! The waPC function `validate`: one admission request, one response.

use local_registry_core::admission::Code;
use local_registry_core::{Decision, Request, decide};
use serde::Serialize;
use wapc_guest::CallResult;

use crate::log::{Level, log};
use crate::{lookup, response};

pub(crate) fn validate(payload: &[u8]) -> CallResult {
    let request = match Request::parse(payload) {
        Ok(request) => request,
        Err(error) => return reject(None, &error.to_string(), Code::BadRequest),
    };
    match decide(&request, &mut lookup::build) {
        Ok(Decision::Accept { edits, warnings }) if edits.is_empty() => response::accept(&warnings),
        Ok(Decision::Accept { edits, warnings }) => match response::mutate(&request, &edits, &warnings) {
            Ok(response) => Ok(response),
            Err(error) => reject(Some(&request), &error.to_string(), Code::BadRequest),
        },
        Ok(Decision::Reject(rejection)) => reject(Some(&request), &rejection.to_string(), rejection.code()),
        Err(error) => reject(Some(&request), &format!("the policy's settings are invalid: {error}"), Code::BadRequest),
    }
}

/// Rejects the object, with a line in the policy server's log.
fn reject(request: Option<&Request<'_>>, message: &str, code: Code) -> CallResult {
    #[derive(Serialize)]
    struct Fields<'a> {
        operation: &'a str,
        kind: &'a str,
        namespace: &'a str,
        name: &'a str,
        code: u16,
        reason: &'a str,
    }
    let level = if code == Code::Internal { Level::Error } else { Level::Info };
    let fields = Fields {
        operation: request.map_or("", Request::operation),
        kind: request.map_or("", Request::kind),
        namespace: request.map_or("", Request::namespace),
        name: request.map_or("", Request::name),
        code: code as u16,
        reason: message,
    };
    log(level, "request rejected", fields);
    response::reject(message, code)
}
