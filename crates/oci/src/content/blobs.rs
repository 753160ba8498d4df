//! Blobs: layers and configurations. They go from one registry to another, and neither memory nor disk holds one.

use std::future::ready;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{StreamExt, TryStreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode, Uri};
use local_registry_core::Digest;

use super::blob::Blob;
use super::hasher::digest_of;
use super::registry::Registry;
use super::verified::{Fault, pieces};
use crate::exchange::access::Access;
use crate::exchange::error::{CopyError, Kind, RegistryError};
use crate::exchange::refusal::refused;
use crate::exchange::request::{Body, Expected, Request, RequestLine};
use crate::exchange::response::Response;
use crate::exchange::url::{is_as_safe, join, with_parameters, without_user};
use crate::names::repository::Repository;

/// How much memory a blob gets before any of it came.
const LARGEST_AT_ONCE: usize = 16 << 20;
/// What any blob is sent as.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

impl Registry {
    /// Whether a repository has a blob, of the size that it should have, if the registry says a size.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not say.
    pub async fn has_blob(&self, repository: &Repository, blob: &Blob) -> Result<bool, RegistryError> {
        let request = self.request(Method::HEAD, repository, &format!("blobs/{}", blob.digest), Expected::Headers)?;
        let line = request.line();
        match self.find(request).await {
            // Whoever has no HEAD is sent the blob.
            Err(error) if error.status() == Some(StatusCode::METHOD_NOT_ALLOWED) => Ok(false),
            found => Ok(found?.is_some_and(|response| check_announced(&line, &response, blob).is_ok())),
        }
    }

    /// Looks whether a repository has a blob as it is described, without reading it.
    ///
    /// # Errors
    /// A [`RegistryError`] if it does not, or if the registry does not say.
    pub async fn check_blob(&self, repository: &Repository, blob: &Blob) -> Result<(), RegistryError> {
        let path = format!("blobs/{}", blob.digest);
        let request = self.request(Method::HEAD, repository, &path, Expected::Headers)?;
        let line = request.line();
        let response = self.succeed(request).await?;
        check_announced(&line, &response, blob)
    }

    /// Reads a blob into memory. It has the size and the digest that it is described by.
    ///
    /// # Errors
    /// A [`RegistryError`] if it cannot be read, or has other bytes.
    pub async fn read_blob(&self, repository: &Repository, blob: &Blob) -> Result<Bytes, RegistryError> {
        let mut pauses = self.backoff.start();
        loop {
            match self.try_read(repository, blob).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => pauses.after(error).await.inspect_err(|error| self.health.failed(error))?,
            }
        }
    }

    async fn try_read(&self, repository: &Repository, blob: &Blob) -> Result<Bytes, RegistryError> {
        let (line, response) = self.blob(repository, blob).await?;
        let fault = Fault::default();
        let read = pieces(line.clone(), response, blob.clone(), fault.clone(), |_| {});
        let mut all = BytesMut::with_capacity(usize::try_from(blob.size).unwrap_or_default().min(LARGEST_AT_ONCE));
        let read = read
            .try_for_each(|piece| {
                ready({
                    all.extend_from_slice(&piece);
                    Ok(())
                })
            })
            .await;
        let failed =
            |error: std::io::Error| fault.take().unwrap_or_else(|| line.failed(Kind::NoAnswer(error.to_string())));
        read.map_err(failed)?;
        Ok(all.freeze())
    }

    /// Gives a repository a blob that is in memory, unless it has it.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not take it.
    pub async fn push_blob(&self, repository: &Repository, bytes: Bytes) -> Result<Blob, RegistryError> {
        let blob = Blob { digest: digest_of(&bytes), size: bytes.len() as u64 };
        if self.has_blob(repository, &blob).await? {
            return Ok(blob);
        }
        let mut pauses = self.backoff.start();
        while let Err(error) = self.try_push(repository, &blob, &bytes).await {
            pauses.after(error).await.inspect_err(|error| self.health.failed(error))?;
        }
        Ok(blob)
    }

    /// One attempt: nobody goes on with an upload that has failed.
    async fn try_push(&self, repository: &Repository, blob: &Blob, bytes: &Bytes) -> Result<(), RegistryError> {
        match self.start_upload(repository, &blob.digest, None).await? {
            Some(url) => self.upload(repository, blob, url, (Body::Bytes(bytes.clone()), None)).await,
            None => Ok(()),
        }
    }

    /// Gives a repository a blob: from another repository of this registry, if that works, else from `source`. `read` is
    /// called with the length of each piece.
    ///
    /// # Errors
    /// A [`CopyError`] if one of both registries fails, or if the source has other bytes.
    pub async fn copy_blob(
        &self,
        repository: &Repository,
        blob: &Blob,
        mount: Option<&Repository>,
        (source, source_repository): (&Self, &Repository),
        read: impl Fn(u64) + Clone + Send + Sync + 'static,
    ) -> Result<(), CopyError> {
        let mut pauses = self.backoff.start();
        loop {
            match self.try_copy(repository, blob, mount, (source, source_repository), &read).await {
                Ok(()) => return Ok(()),
                Err(CopyError::Source(error)) => {
                    let stop = pauses.after(error).await.inspect_err(|error| source.health.failed(error));
                    stop.map_err(CopyError::Source)?;
                }
                Err(CopyError::Target(error)) => {
                    let stop = pauses.after(error).await.inspect_err(|error| self.health.failed(error));
                    stop.map_err(CopyError::Target)?;
                }
            }
        }
    }

    /// One attempt, from the beginning: both registries are asked anew.
    async fn try_copy(
        &self,
        repository: &Repository,
        blob: &Blob,
        mount: Option<&Repository>,
        (source, source_repository): (&Self, &Repository),
        read: &(impl Fn(u64) + Clone + Send + Sync + 'static),
    ) -> Result<(), CopyError> {
        let url = self.start_upload(repository, &blob.digest, mount).await.map_err(CopyError::Target)?;
        let Some(url) = url else { return Ok(()) };
        let (line, response) = source.blob(source_repository, blob).await.map_err(CopyError::Source)?;
        let fault = Fault::default();
        let pieces = pieces(line, response, blob.clone(), fault.clone(), read.clone()).boxed();
        let sent = self.upload(repository, blob, url, (Body::Stream(pieces), Some(&source.host))).await;
        // What is wrong with the source is the reason why the target was left alone.
        fault.take().map_or(sent.map_err(CopyError::Target), |error| Err(CopyError::Source(error)))
    }

    /// Begins an upload, and returns where it goes to; `None` if the registry took the blob from another repository.
    async fn start_upload(
        &self,
        repository: &Repository,
        digest: &Digest,
        mount: Option<&Repository>,
    ) -> Result<Option<Uri>, RegistryError> {
        let request = self.request(Method::POST, repository, "blobs/uploads/", Expected::Headers)?;
        let request = request.header(CONTENT_LENGTH, 0).part_of_more();
        let mut line = request.line();
        let response = match mount.map(|from| self.api_path(from)).zip(request.try_clone()) {
            Some((from, mut mounting)) => {
                mounting.access = Some(Access::mount(&self.api_path(repository), &from));
                // Neither has a character that a query would have to escape. A mount without `from` would give the repository
                // what its source may not have.
                mounting.url = extended(&mounting, &format!("mount={digest}&from={from}"))?;
                let plain = std::mem::replace(&mut line, mounting.line());
                let response = self.send(mounting).await?;
                // Whoever may not read the other repository, or cannot mount, can still send the blob.
                if response.status.is_client_error() {
                    drop(response);
                    line = plain;
                    self.send(request).await?
                } else {
                    response
                }
            }
            None => self.send(request).await?,
        };
        if !response.status.is_success() {
            return Err(refused(&line, response).await);
        }
        if response.status == StatusCode::CREATED {
            return Ok(None);
        }
        let url = self.location(&line, &response)?;
        self.uploads.begun(&url, &self.api_path(repository));
        Ok(Some(url))
    }

    /// Where an answer says that a blob is to be uploaded to.
    fn location(&self, line: &RequestLine, response: &Response) -> Result<Uri, RegistryError> {
        let location = response.headers.get(LOCATION).ok_or_else(|| line.failed(Kind::NoLocation))?;
        let text = String::from_utf8_lossy(location.as_bytes());
        match join(&response.url, &text) {
            Some(url) if is_as_safe(&url, &self.base) => Ok(url),
            _ => Err(line.failed(Kind::Header {
                name: "Location",
                value: without_user(text.split('?').next().unwrap_or_default()),
            })),
        }
    }

    /// Fills an upload, by what comes from a source if there is one, and ends it.
    async fn upload(
        &self,
        repository: &Repository,
        blob: &Blob,
        url: Uri,
        (body, source): (Body, Option<&str>),
    ) -> Result<(), RegistryError> {
        let access = Access::push(&self.api_path(repository));
        let mut request = Request::new(Method::PUT, url.clone(), Some(access), Expected::Headers);
        request.url = extended(&request, &format!("digest={}", blob.digest))?;
        let request = request.header(CONTENT_TYPE, BYTES).header(CONTENT_LENGTH, blob.size).body(body).part_of_more();
        let request = match source {
            Some(source) => request.fed_by(source),
            None => request,
        };
        self.succeed(request).await?;
        self.uploads.ended(&url);
        Ok(())
    }

    /// A blob that is read.
    async fn blob(&self, repository: &Repository, blob: &Blob) -> Result<(RequestLine, Response), RegistryError> {
        let request = self.request(Method::GET, repository, &format!("blobs/{}", blob.digest), Expected::Blob)?;
        let request = request.part_of_more();
        let line = request.line();
        let response = self.succeed(request).await?;
        check_size(&line, &response, blob)?;
        Ok((line, response))
    }
}

/// Whether a blob that is there has the size that it should have. Some registries say 0 of any blob that nobody reads.
fn check_announced(line: &RequestLine, response: &Response, blob: &Blob) -> Result<(), RegistryError> {
    let is_unsaid = response.headers.get(CONTENT_LENGTH).is_some_and(|length| *length == "0");
    if is_unsaid { Ok(()) } else { check_size(line, response, blob) }
}

/// Whether an answer has as many bytes as the blob. One that does not say has to be read.
fn check_size(line: &RequestLine, response: &Response, blob: &Blob) -> Result<(), RegistryError> {
    let found = response.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match found {
        Some(found) if found != blob.size => Err(line.failed(Kind::WrongSize { found, expected: blob.size })),
        _ => Ok(()),
    }
}

/// The URL of a request with more parameters.
fn extended(request: &Request, parameters: &str) -> Result<Uri, RegistryError> {
    let too_long = || request.line().failed(Kind::NoAnswer("the URL would be too long".to_owned()));
    with_parameters(&request.url, parameters).ok_or_else(too_long)
}
