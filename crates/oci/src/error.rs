//! What can go wrong with a request to a registry.

use std::time::Duration;

use local_registry_core::Quoted;
use local_registry_core::text::Excerpt;
use reqwest::{Method, StatusCode};
use thiserror::Error;

use super::secrets::hidden;
use local_registry_core::Digest;

/// A request to a registry failed. Never quotes credentials, tokens or the query of a URL, which may have both.
#[derive(Debug, Error)]
#[error("{method} {url}: {kind}")]
pub struct RegistryError {
    method: Method,
    url: String,
    kind: Kind,
    retry_after: Option<Duration>,
}

/// What went wrong.
#[derive(Debug, Error)]
pub(super) enum Kind {
    #[error("{0}")]
    NoAnswer(String),
    #[error("answered {status}{}{}", said(.message), hint(*.status))]
    Status { status: StatusCode, message: String },
    #[error("the answer is cut off: {found} of {expected} bytes came")]
    CutOff { found: u64, expected: u64 },
    #[error("the answer has more than the {expected} bytes that were announced")]
    TooLong { expected: u64 },
    #[error(
        "the answer has the digest {found}, and {expected} was asked for; the registry is broken, or not to be trusted"
    )]
    WrongDigest { found: Digest, expected: Digest },
    #[error("answered without `Location`, so there is nowhere to upload to")]
    NoLocation,
    #[error("the header `{name}` is {}, which is not usable", Quoted(.value))]
    Header { name: &'static str, value: String },
    #[error("the answer is not usable: {0}")]
    Body(String),
    #[error("asks for credentials in a way that is not known here: {}", Quoted(.0))]
    Challenge(String),
    #[error("asks for credentials at {}, which is not encrypted; nothing was sent there", Quoted(.0))]
    PlainRealm(String),
    #[error("{0}")]
    Credentials(String),
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" (`{}`)", Excerpt(message)) }
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; sign in as for `docker login`, or mount the credentials",
        StatusCode::FORBIDDEN => "; these credentials may not do that",
        _ => "",
    }
}

impl Kind {
    /// The same without secrets. A registry may repeat them in whatever it says.
    fn hidden(self) -> Self {
        match self {
            Self::NoAnswer(text) => Self::NoAnswer(hidden(text)),
            Self::Status { status, message } => Self::Status { status, message: hidden(message) },
            Self::Header { name, value } => Self::Header { name, value: hidden(value) },
            Self::Body(text) => Self::Body(hidden(text)),
            Self::Challenge(text) => Self::Challenge(hidden(text)),
            Self::PlainRealm(text) => Self::PlainRealm(hidden(text)),
            other => other,
        }
    }
}

impl RegistryError {
    pub(super) fn new(method: &Method, url: &reqwest::Url, kind: Kind) -> Self {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        // An error means that the URL can have neither.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Self { method: method.clone(), url: hidden(url.to_string()), kind: kind.hidden(), retry_after: None }
    }

    /// The error of a host that no URL can have.
    pub(super) fn of_host(host: &str) -> Self {
        let kind = Kind::NoAnswer("this is not a host that can be asked; look at its port".to_owned());
        Self { method: Method::GET, url: host.to_owned(), kind, retry_after: None }
    }

    pub(super) fn after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// How long the registry wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match &self.kind {
            Kind::NoAnswer(_) | Kind::CutOff { .. } => true,
            Kind::Status { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            _ => false,
        }
    }
}
