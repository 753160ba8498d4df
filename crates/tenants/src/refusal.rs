//! Requests that get no token: why, and with which status and code.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thiserror::Error;

/// Why a client gets no token.
///
/// As an answer, it has both forms of errors: that of registries, which clients expect of a GET, and that of OAuth 2.0 (RFC 6749),
/// which they expect of a POST.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    kind: RefusalKind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefusalKind {
    Invalid,
    UnsupportedGrant,
    Unauthorized,
    TooLarge,
    TooSlow,
    TooMany,
    Unavailable,
}

impl Refusal {
    /// The request is not as the specification has it.
    pub(crate) fn invalid(message: String) -> Self {
        Self { kind: RefusalKind::Invalid, message }
    }

    /// The request asks for a token in a way that is not offered.
    pub(crate) fn unsupported_grant(message: String) -> Self {
        Self { kind: RefusalKind::UnsupportedGrant, message }
    }

    /// Nobody knows who it is.
    pub(crate) fn unauthorized(message: &str) -> Self {
        Self { kind: RefusalKind::Unauthorized, message: message.to_owned() }
    }

    /// The request is too long.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self { kind: RefusalKind::TooLarge, message: format!("the body is longer than {limit} bytes") }
    }

    /// The client does not send what it has begun.
    pub(crate) fn too_slow() -> Self {
        Self { kind: RefusalKind::TooSlow, message: "the body did not come in time".to_owned() }
    }

    /// There are more requests than are answered.
    pub(crate) fn too_many() -> Self {
        let message = "there are too many requests from this address, or of this user; try again later".to_owned();
        Self { kind: RefusalKind::TooMany, message }
    }

    /// The cluster does not say who it is, or what they may do.
    pub(crate) fn unavailable() -> Self {
        let message = "the cluster does not answer who this is and what they may do; try again later".to_owned();
        Self { kind: RefusalKind::Unavailable, message }
    }

    /// Whether it is our side that failed.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.kind == RefusalKind::Unavailable
    }

    /// Whether the client asks more than it may.
    pub(crate) fn is_for_asking_too_much(&self) -> bool {
        self.kind == RefusalKind::TooMany
    }

    fn status(&self) -> StatusCode {
        match self.kind {
            RefusalKind::Invalid | RefusalKind::UnsupportedGrant => StatusCode::BAD_REQUEST,
            RefusalKind::Unauthorized => StatusCode::UNAUTHORIZED,
            RefusalKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalKind::TooSlow => StatusCode::REQUEST_TIMEOUT,
            RefusalKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
            RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Its codes: that of the distribution specification, and that of OAuth 2.0.
    fn codes(&self) -> [&'static str; 2] {
        match self.kind {
            RefusalKind::Invalid | RefusalKind::TooLarge | RefusalKind::TooSlow => ["UNSUPPORTED", "invalid_request"],
            RefusalKind::UnsupportedGrant => ["UNSUPPORTED", "unsupported_grant_type"],
            RefusalKind::Unauthorized => ["UNAUTHORIZED", "invalid_grant"],
            RefusalKind::TooMany => ["TOOMANYREQUESTS", "temporarily_unavailable"],
            RefusalKind::Unavailable => ["UNAVAILABLE", "temporarily_unavailable"],
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let [code, error] = self.codes();
        let body = json!({
            "errors": [{"code": code, "message": self.message}],
            "error": error,
            "error_description": self.message,
        });
        let mut response = crate::answer::json(self.status(), &body);
        let headers = response.headers_mut();
        match self.kind {
            RefusalKind::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="local-registry""#));
            }
            RefusalKind::TooMany | RefusalKind::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            RefusalKind::Invalid | RefusalKind::UnsupportedGrant | RefusalKind::TooLarge | RefusalKind::TooSlow => {}
        }
        response
    }
}
