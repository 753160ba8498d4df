//! Blobs: layers and configurations. They go from one registry to another, and neither memory nor disk holds one.

use bytes::Bytes;
use futures_util::stream::StreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode, Uri};
use local_registry_core::Digest;

use crate::access::Access;
use crate::blob::Blob;
use crate::error::{Kind, RegistryError};
use crate::hasher::digest_of;
use crate::refusal::refused;
use crate::registry::Registry;
use crate::repository::Repository;
use crate::request::{Body, Expected, Request, RequestLine};
use crate::response::Response;
use crate::url::{is_as_safe, join, with_parameters, without_user};
use crate::verified::{Fault, pieces};

/// What any blob is sent as.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

impl Registry {
    /// Whether a repository has a blob.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not say.
    pub async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        let request = self.request(Method::HEAD, repository, &format!("blobs/{digest}"), Expected::Headers)?;
        Ok(self.find(request).await?.is_some())
    }

    /// Gives a repository a blob that is in memory, unless it has it.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not take it.
    pub async fn push_blob(&self, repository: &Repository, bytes: Bytes) -> Result<Blob, RegistryError> {
        let blob = Blob { digest: digest_of(&bytes), size: bytes.len() as u64 };
        if self.has_blob(repository, &blob.digest).await? {
            return Ok(blob);
        }
        let mut pauses = self.backoff.start();
        while let Err(error) = self.try_push(repository, &blob, &bytes).await {
            pauses.after(error).await?;
        }
        Ok(blob)
    }

    /// One attempt: nobody goes on with an upload that has failed.
    async fn try_push(&self, repository: &Repository, blob: &Blob, bytes: &Bytes) -> Result<(), RegistryError> {
        match self.start_upload(repository, &blob.digest, None).await? {
            Some(url) => self.upload(repository, blob, url, Body::Bytes(bytes.clone())).await,
            None => Ok(()),
        }
    }

    /// Gives a repository a blob: from another repository of this registry, if that works, else from `source`. `read` is
    /// called with the length of each piece.
    ///
    /// # Errors
    /// A [`RegistryError`] if one of both registries fails, or if the source has other bytes.
    pub async fn copy_blob(
        &self,
        repository: &Repository,
        blob: &Blob,
        mount: Option<&Repository>,
        (source, source_repository): (&Self, &Repository),
        read: impl Fn(u64) + Clone + Send + Sync + 'static,
    ) -> Result<(), RegistryError> {
        let mut pauses = self.backoff.start();
        while let Err(error) = self.try_copy(repository, blob, mount, (source, source_repository), &read).await {
            pauses.after(error).await?;
        }
        Ok(())
    }

    /// One attempt, from the beginning: both registries are asked anew.
    async fn try_copy(
        &self,
        repository: &Repository,
        blob: &Blob,
        mount: Option<&Repository>,
        (source, source_repository): (&Self, &Repository),
        read: &(impl Fn(u64) + Clone + Send + Sync + 'static),
    ) -> Result<(), RegistryError> {
        let Some(url) = self.start_upload(repository, &blob.digest, mount).await? else { return Ok(()) };
        let (line, response) = source.blob(source_repository, blob).await?;
        let fault = Fault::default();
        let pieces = pieces(line, response, blob.clone(), fault.clone(), read.clone()).boxed();
        let sent = self.upload(repository, blob, url, Body::Stream(pieces)).await;
        // What is wrong with the source is the reason why the target was left alone.
        fault.take().map_or(sent, Err)
    }

    /// Begins an upload, and returns where it goes to; `None` if the registry took the blob from another repository.
    async fn start_upload(
        &self,
        repository: &Repository,
        digest: &Digest,
        mount: Option<&Repository>,
    ) -> Result<Option<Uri>, RegistryError> {
        let mut request = self.request(Method::POST, repository, "blobs/uploads/", Expected::Headers)?;
        if let Some(from) = mount {
            let from = self.api_path(from);
            request.access = Some(Access::mount(&self.api_path(repository), &from));
            // Neither has a character that a query would have to escape.
            request.url = extended(&request, &format!("mount={digest}&from={from}"))?;
        }
        let request = request.header(CONTENT_LENGTH, 0).part_of_more();
        let line = request.line();
        let response = self.send(request).await?;
        // Whoever may not read the other repository can still send the blob.
        if mount.is_some() && matches!(response.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            drop(response);
            return Box::pin(self.start_upload(repository, digest, None)).await;
        }
        if !response.status.is_success() {
            return Err(refused(&line, response).await);
        }
        if response.status == StatusCode::CREATED {
            return Ok(None);
        }
        self.location(&line, &response).map(Some)
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

    /// Fills an upload, and ends it.
    async fn upload(&self, repository: &Repository, blob: &Blob, url: Uri, body: Body) -> Result<(), RegistryError> {
        let access = Access::push(&self.api_path(repository));
        let mut request = Request::new(Method::PUT, url, Some(access), Expected::Headers);
        request.url = extended(&request, &format!("digest={}", blob.digest))?;
        let request = request.header(CONTENT_TYPE, BYTES).header(CONTENT_LENGTH, blob.size).body(body).part_of_more();
        self.succeed(request).await.map(drop)
    }

    /// A blob that is read.
    async fn blob(&self, repository: &Repository, blob: &Blob) -> Result<(RequestLine, Response), RegistryError> {
        let request = self.request(Method::GET, repository, &format!("blobs/{}", blob.digest), Expected::Blob)?;
        let request = request.part_of_more();
        Ok((request.line(), self.succeed(request).await?))
    }
}

/// The URL of a request with more parameters.
fn extended(request: &Request, parameters: &str) -> Result<Uri, RegistryError> {
    let too_long = || request.line().failed(Kind::NoAnswer("the URL would be too long".to_owned()));
    with_parameters(&request.url, parameters).ok_or_else(too_long)
}
