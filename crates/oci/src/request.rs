//! A request on its way through the layers of a client.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::access::Access;
use crate::error::{Kind, RegistryError};

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

    pub(crate) fn line(&self) -> RequestLine {
        RequestLine { method: self.method.clone(), url: self.url.clone() }
    }

    /// Whether the request and its answer are short, so that they take a limited time as a whole.
    #[must_use]
    pub fn is_short(&self) -> bool {
        matches!(self.body, Body::Bytes(_)) && self.expected != Expected::Blob
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
    pub(crate) fn failed(&self, kind: Kind) -> RegistryError {
        RegistryError::new(&self.method, &self.url, kind)
    }
}
