//! What can go wrong with a request to a registry.

use std::time::Duration;

use http::{Method, StatusCode, Uri};
use local_registry_core::text::Excerpt;
use local_registry_core::{Digest, Quoted};
use thiserror::Error;

use super::secrets::hidden;

/// The codes by which registries say that they have nothing of a name: those of the specification, and Harbor's.
#[cfg(feature = "registries")]
const UNKNOWN_CONTENT: [&str; 4] = ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"];

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

/// A blob was not copied.
#[derive(Debug, Error)]
#[error(transparent)]
pub enum CopyError {
    /// The registry that it comes from fails, or has something else.
    Source(RegistryError),
    /// The registry that it goes to fails, or does not take it.
    Target(RegistryError),
}

/// What went wrong.
#[derive(Debug, Error)]
pub(crate) enum Kind {
    #[error("{0}")]
    NoAnswer(String),
    #[error("answered {status}{}{}", said(.message), hint(*.status, *.has_credentials))]
    Status { status: StatusCode, message: String, has_credentials: bool },
    /// The answer takes too long, or comes too slowly. Says how.
    #[error("{0}")]
    TooSlow(String),
    /// The registry wants to be left alone for longer than anybody waits.
    #[error(
        "answered {status}{}; it asks to be left alone for {wanted} s more, and is waited for {longest} s in all at most",
        said(.message)
    )]
    LeftAlone { status: StatusCode, message: String, wanted: u64, longest: u64 },
    /// Nothing was sent: the registry failed too often before.
    #[error("not asked any more, since {times}; the last time: {last}")]
    GivenUp { times: String, last: String },
    #[error("the answer is cut off: {found} of {expected} bytes came")]
    CutOff { found: u64, expected: u64 },
    #[error("the answer has {found} bytes, and {expected} were announced")]
    WrongSize { found: u64, expected: u64 },
    #[error("the answer has more than the {expected} bytes that it may have")]
    TooLong { expected: u64 },
    #[error(
        "the answer has the digest {found}, and {expected} was asked for; the registry is broken, or not to be trusted"
    )]
    WrongDigest { found: Digest, expected: Digest },
    #[error("the manifest has the old format schema 1, whose digest is not that of its bytes; build the image anew")]
    Schema1,
    #[error("answered without `Location`, so there is nowhere to upload to")]
    NoLocation,
    #[error("the header `{name}` is {}, which is not usable", Quoted(.value))]
    Header { name: &'static str, value: String },
    #[error("the answer is not usable: {0}")]
    Body(String),
    #[cfg(feature = "registries")]
    #[error("answered something else than an index of referrers: {0}")]
    NoIndex(String),
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

fn hint(status: StatusCode, has_credentials: bool) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED if has_credentials => {
            "; it refuses these credentials, so look at user and password, and whether they have ended"
        }
        StatusCode::UNAUTHORIZED => {
            "; there are no credentials for it, so sign in as for `docker login`, or mount the credentials"
        }
        StatusCode::FORBIDDEN => "; these credentials may not do that",
        _ => "",
    }
}

/// Whether a registry that answers so may answer otherwise a moment later.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

impl Kind {
    /// The same without secrets. A registry may repeat them in whatever it says.
    fn hidden(self) -> Self {
        match self {
            Self::NoAnswer(text) => Self::NoAnswer(hidden(text)),
            Self::TooSlow(text) => Self::TooSlow(hidden(text)),
            Self::Status { status, message, has_credentials } => {
                Self::Status { status, message: hidden(message), has_credentials }
            }
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
        Self::new(method, url, Kind::Status { status, message: String::new(), has_credentials: false })
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
            Kind::Status { status, .. } | Kind::LeftAlone { status, .. } => Some(status),
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
            Kind::NoAnswer(_) | Kind::TooSlow(_) | Kind::CutOff { .. } => true,
            Kind::Status { status, .. } => may_pass(*status),
            _ => false,
        }
    }

    /// Whether the registry fails as a whole, or does not know the client: the error says nothing about what was asked for.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match &*self.kind {
            Kind::GivenUp { .. } | Kind::Status { status: StatusCode::UNAUTHORIZED, .. } => true,
            #[cfg(feature = "registries")]
            Kind::Challenge(_) | Kind::PlainRealm(_) | Kind::Credentials(_) => true,
            _ => self.is_about_the_registry(),
        }
    }

    /// Whether the registry fails as a whole, whoever asks.
    pub(crate) fn is_about_the_registry(&self) -> bool {
        match &*self.kind {
            Kind::NoAnswer(_) | Kind::TooSlow(_) | Kind::LeftAlone { .. } => true,
            Kind::Status { status, .. } => may_pass(*status),
            _ => false,
        }
    }

    /// Whether the registry refused what it was asked or sent, and not whoever did that.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        // A filter in front of a registry answers 403 for what it does not like.
        self.status()
            .is_some_and(|status| status.is_client_error() && status != StatusCode::UNAUTHORIZED && !may_pass(status))
    }

    /// Whether the registry has an answer that is longer than anybody reads.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        matches!(*self.kind, Kind::TooLong { .. })
    }

    /// Whether nothing was sent, since the registry failed too often.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(*self.kind, Kind::GivenUp { .. })
    }

    /// Whether the answer took too long.
    pub(crate) fn is_too_slow(&self) -> bool {
        matches!(*self.kind, Kind::TooSlow(_))
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

    /// Whether the registry does not know the path at all: it does not say of what it has nothing.
    #[cfg(feature = "registries")]
    pub(crate) fn is_unknown_path(&self) -> bool {
        match &*self.kind {
            Kind::Status { status: StatusCode::METHOD_NOT_ALLOWED, .. } => true,
            Kind::Status { status: StatusCode::NOT_FOUND, message, .. } => {
                message.is_empty() || message.contains("page not found") || message.contains("UNSUPPORTED")
            }
            _ => false,
        }
    }

    /// Whether the registry itself says that it has nothing of that name. Whoever answers 404 in its place does not say it in these
    /// words.
    #[cfg(feature = "registries")]
    pub(crate) fn is_unknown_content(&self) -> bool {
        match &*self.kind {
            Kind::Status { status: StatusCode::NOT_FOUND, message, .. } => {
                UNKNOWN_CONTENT.iter().any(|code| message.contains(code))
            }
            _ => false,
        }
    }

    /// Whether the answer was something else than an index of referrers.
    #[cfg(feature = "registries")]
    pub(crate) fn is_no_index(&self) -> bool {
        matches!(*self.kind, Kind::NoIndex(_))
    }

    /// The same for a registry that wants to be left alone for longer than it is waited for.
    pub(crate) fn too_long_alone(mut self, longest: Duration) -> Self {
        let wanted = self.retry_after.take().unwrap_or_default().as_secs();
        if let Kind::Status { status, message, .. } = &mut *self.kind {
            let (status, message) = (*status, std::mem::take(message));
            *self.kind = Kind::LeftAlone { status, message, wanted, longest: longest.as_secs() };
        }
        self
    }

    /// How long the registry wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}
