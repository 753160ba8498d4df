//! What can go wrong with a request to a registry.

use std::time::Duration;

use http::{Method, StatusCode, Uri};
use local_registry_core::text::Excerpt;
use local_registry_core::{Digest, Quoted};
use thiserror::Error;

use crate::secrets::hidden;

/// A request to a registry failed. Never quotes credentials, tokens or the query of a URL, which may have both.
#[derive(Debug, Error)]
#[error("{method} {origin}{path}: {kind}")]
pub struct RegistryError {
    method: Method,
    origin: String,
    path: String,
    kind: Box<Kind>,
    retry_after: Option<Duration>,
}

/// What went wrong.
#[derive(Debug, Error)]
pub(crate) enum Kind {
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
    #[cfg(feature = "registries")]
    #[error("asks for credentials in a way that is not known here: {}", Quoted(.0))]
    Challenge(String),
    #[cfg(feature = "registries")]
    #[error("asks for credentials at {}, which is not encrypted; nothing was sent there", Quoted(.0))]
    PlainRealm(String),
    #[cfg(feature = "registries")]
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
            #[cfg(feature = "registries")]
            Self::Challenge(text) => Self::Challenge(hidden(text)),
            #[cfg(feature = "registries")]
            Self::PlainRealm(text) => Self::PlainRealm(hidden(text)),
            other => other,
        }
    }
}

impl RegistryError {
    /// The error of a transport for a request that got no answer, and why.
    #[must_use]
    pub fn no_answer(method: &Method, url: &Uri, reason: String) -> Self {
        Self::new(method, url, Kind::NoAnswer(reason))
    }

    /// The error for an answer whose status refuses the request.
    #[must_use]
    pub fn refused(method: &Method, url: &Uri, status: StatusCode) -> Self {
        Self::new(method, url, Kind::Status { status, message: String::new() })
    }

    /// The method of the request.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path of the request's URL.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The status by which the registry refused the request, if it did.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match *self.kind {
            Kind::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether the registry does not say where a blob is to be uploaded to.
    #[must_use]
    pub fn lacks_location(&self) -> bool {
        matches!(*self.kind, Kind::NoLocation)
    }

    /// What went wrong, without the request that it happened to.
    #[must_use]
    pub fn reason(&self) -> String {
        self.kind.to_string()
    }

    /// Whether the same request may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &*self.kind {
            Kind::NoAnswer(_) | Kind::CutOff { .. } => true,
            Kind::Status { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            _ => false,
        }
    }

    pub(crate) fn new(method: &Method, url: &Uri, kind: Kind) -> Self {
        let scheme = url.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
        // Neither a user nor a query.
        let host = url.authority().map_or("", |authority| authority.as_str());
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        Self {
            method: method.clone(),
            origin: hidden(format!("{scheme}{host}")),
            path: hidden(url.path().to_owned()),
            kind: Box::new(kind.hidden()),
            retry_after: None,
        }
    }

    /// The error of a host that no URL can have.
    pub(crate) fn no_host(host: &str) -> Self {
        let kind = Kind::NoAnswer("this is not a host that can be asked; look at its port".to_owned());
        let kind = Box::new(kind);
        Self { method: Method::GET, origin: host.to_owned(), path: String::new(), kind, retry_after: None }
    }

    pub(crate) fn after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// How long the registry wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}
