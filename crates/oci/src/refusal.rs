//! What a registry says when it refuses a request.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::RETRY_AFTER;
use serde::Deserialize;

use crate::error::{Kind, RegistryError};
use crate::request::RequestLine;
use crate::response::Response;

/// How many bytes of an error are read.
const LONGEST: usize = 64 << 10;

/// The body of an error.
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<Reason>,
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
    let reasons = serde_json::from_slice::<Refusal>(&bytes).map(|refusal| refusal.errors).unwrap_or_default();
    let words = |reason: Reason| [reason.code, reason.message].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let message = reasons.into_iter().map(words).collect::<Vec<_>>().join("; ");
    line.failed(Kind::Status { status, message }).after(retry_after)
}

/// How long a registry wants to be left alone: seconds, or a date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}
