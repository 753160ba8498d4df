//! What a registry says when it refuses a request.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::Value;

use super::error::{Kind, RegistryError};
use super::request::RequestLine;
use super::response::Response;

/// How many bytes of an error are read.
const LONGEST: usize = 64 << 10;

/// The body of an error: as the specification has it, or with one of the fields that token servers and proxies have.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<Reason>,
    message: Option<Value>,
    details: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Reason {
    code: Option<String>,
    message: Option<String>,
}

/// The error for an answer that refuses the request.
pub(crate) async fn refused(line: &RequestLine, mut response: Response) -> RegistryError {
    let status = response.status;
    let retry_after = response.headers.get(RETRY_AFTER).and_then(retry_after);
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST {
        let Some(Ok(piece)) = response.piece().await else { break };
        bytes.extend_from_slice(&piece);
    }
    let has_credentials = response.has_credentials;
    line.failed(Kind::Status { status, message: message(&bytes), has_credentials }).after(retry_after)
}

/// What the body of an error says, in a line. Pages for browsers say nothing that helps.
fn message(bytes: &[u8]) -> String {
    if let Ok(refusal) = serde_json::from_slice::<Refusal>(bytes) {
        let words = |reason: Reason| [reason.code, reason.message].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let said: Vec<String> = refusal.errors.into_iter().map(words).collect();
        let other = [refusal.message, refusal.details, refusal.error].into_iter().flatten();
        let said =
            if said.is_empty() { other.filter_map(|text| text.as_str().map(str::to_owned)).collect() } else { said };
        return said.join("; ");
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    if text.starts_with(['<', '{', '[']) { String::new() } else { text.to_owned() }
}

/// How long a registry wants to be left alone: seconds, or a date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}
