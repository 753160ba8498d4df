//! What a client is answered.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::token::{LIFETIME, Token};

/// The answer with a token. Clients of a GET expect `token`, those of a POST `access_token`. There is never a `refresh_token`.
pub(crate) fn token(token: &Token) -> Response {
    let text = token.as_str();
    json(
        StatusCode::OK,
        &json!({
            "token": text,
            "access_token": text,
            "expires_in": LIFETIME.as_secs(),
            "issued_at": token.issued_at(),
        }),
    )
}

/// An answer in JSON, which nobody may keep.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, Body::from(body.to_string())).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
