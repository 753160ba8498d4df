//! A request on its way through the layers of a client.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::access::Access;
use super::allowance::Allowance;
use super::error::{Kind, RegistryError};

/// A request to a registry, or to its token server.
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Where it is asked for: an absolute URL.
    pub url: Uri,
    /// Its headers. Those with credentials are marked as sensitive.
    pub headers: HeaderMap,
    pub(crate) body: Body,
    /// What has to be allowed; `None` if it is the token server that is asked.
    pub(crate) access: Option<Access>,
    pub(crate) expected: Expected,
    /// Whether somebody above the layers sends it again.
    pub(crate) is_part_of_more: bool,
    /// How many bytes of a document are read.
    pub(crate) longest: Allowance,
    /// The registry that a stream comes from.
    pub(crate) source: Option<String>,
}

/// What is sent.
pub(crate) enum Body {
    Bytes(Bytes),
    /// A stream, which cannot be sent again.
    Stream(BoxStream<'static, io::Result<Bytes>>),
}

/// What is read of the answer to a request that succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Its headers.
    Headers,
    /// A document, whole.
    Document,
    /// A blob, which may take hours.
    Blob,
}

/// What errors say of a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestLine {
    method: Method,
    url: Uri,
}

impl Request {
    pub(crate) fn new(method: Method, url: Uri, access: Option<Access>, expected: Expected) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::Bytes(Bytes::new()),
            access,
            expected,
            is_part_of_more: false,
            longest: Allowance::default(),
            source: None,
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The same as a part of something that is begun anew as a whole, so that it is not sent again by itself.
    pub(crate) fn part_of_more(self) -> Self {
        Self { is_part_of_more: true, ..self }
    }

    /// The same with a body that comes from this registry, as fast as that one sends it.
    pub(crate) fn fed_by(self, host: &str) -> Self {
        Self { source: Some(host.to_owned()), ..self }
    }

    pub(crate) fn line(&self) -> RequestLine {
        RequestLine { method: self.method.clone(), url: self.url.clone() }
    }

    /// The same request once more; `None` if its body is a stream.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        let Body::Bytes(bytes) = &self.body else { return None };
        Some(Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: Body::Bytes(bytes.clone()),
            access: self.access.clone(),
            expected: self.expected,
            is_part_of_more: self.is_part_of_more,
            longest: self.longest.clone(),
            source: self.source.clone(),
        })
    }

    /// All of the body, for a transport that has no streams.
    ///
    /// # Errors
    /// If what is sent cannot be read where it comes from.
    pub async fn into_bytes(self) -> io::Result<Bytes> {
        let mut pieces = match self.body {
            Body::Bytes(bytes) => return Ok(bytes),
            Body::Stream(pieces) => pieces,
        };
        let first = pieces.try_next().await?.unwrap_or_default();
        let Some(second) = pieces.try_next().await? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(piece) = pieces.try_next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

impl RequestLine {
    #[cfg(test)]
    pub(crate) fn new(method: Method, url: Uri) -> Self {
        Self { method, url }
    }

    pub(crate) fn failed(&self, kind: Kind) -> RegistryError {
        RegistryError::new(&self.method, &self.url, kind)
    }
}
