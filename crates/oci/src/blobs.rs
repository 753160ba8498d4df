//! Blobs: layers and configurations. They go from one registry to another, and neither memory nor disk holds one.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, StatusCode, Url};

use super::authorization::Access;
use super::client::{Call, Length, Registry};
use super::error::{Kind, RegistryError};
use super::transport::{Answer, Place};
use super::verified::{Fault, pieces};
use crate::Repository;
use local_registry_core::Digest;

/// A blob, as a manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    pub digest: Digest,
    pub size: u64,
}

/// What became of the wish to have a blob without sending it.
enum Upload {
    Mounted,
    At(Url),
}

impl Registry {
    /// Whether a repository has a blob.
    pub async fn has_blob(&self, repository: &Repository, blob: &Blob) -> Result<bool, RegistryError> {
        let call = self.call(Method::HEAD, repository, &format!("blobs/{}", blob.digest));
        self.transport
            .retrying(async || {
                let answer = self.send(&call, |request| request).await?;
                Ok(self.found(&call, answer).await?.is_some())
            })
            .await
    }

    /// Gives a repository a blob: from another repository of this registry, if that works, else from `source`. Returns how
    /// many bytes were sent.
    pub async fn copy_blob(
        &self,
        repository: &Repository,
        blob: &Blob,
        mount: Option<&Repository>,
        (source, source_repository): (&Self, &Repository),
        seen: impl Fn(u64) + Clone + Send + Sync + 'static,
    ) -> Result<u64, RegistryError> {
        self.transport
            .retrying(async || match self.start(repository, blob, mount).await? {
                Upload::Mounted => Ok(0),
                Upload::At(url) => {
                    let seen = seen.clone();
                    self.fill(repository, blob, url, (source, source_repository), seen).await.map(|()| blob.size)
                }
            })
            .await
    }

    /// Begins an upload. The registry may know the blob from another repository.
    async fn start(
        &self,
        repository: &Repository,
        blob: &Blob,
        mount: Option<&Repository>,
    ) -> Result<Upload, RegistryError> {
        let mut call = self.call(Method::POST, repository, "blobs/uploads/");
        if let Some(from) = mount {
            let from = self.path(from);
            call.access = Access::mount(&self.path(repository), &from);
            call.url.query_pairs_mut().append_pair("mount", blob.digest.as_str()).append_pair("from", &from);
        }
        let answer = self.send(&call, |request| request.header(CONTENT_LENGTH, 0)).await?;
        // Whoever may not read the other repository can still send the blob.
        if mount.is_some() && matches!(answer.response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            drop(answer);
            return Box::pin(self.start(repository, blob, None)).await;
        }
        let answer = self.succeeded(&call, answer).await?;
        if answer.response.status() == StatusCode::CREATED {
            return Ok(Upload::Mounted);
        }
        let location = answer.response.headers().get(LOCATION).ok_or_else(|| call.failed(Kind::NoLocation))?;
        let text = String::from_utf8_lossy(location.as_bytes()).into_owned();
        match answer.response.url().join(&text) {
            Ok(url) if self.is_as_safe(&url) => Ok(Upload::At(url)),
            _ => Err(call.failed(Kind::Header {
                name: "Location",
                value: text.split('?').next().unwrap_or_default().to_owned(),
            })),
        }
    }

    /// Whether the way to a URL is encrypted, if that to the registry is.
    fn is_as_safe(&self, url: &Url) -> bool {
        url.scheme() == "https" || (url.scheme() == "http" && self.transport.base().scheme() == "http")
    }

    /// Fills an upload, and ends it.
    async fn fill(
        &self,
        repository: &Repository,
        blob: &Blob,
        mut url: Url,
        (source, source_repository): (&Self, &Repository),
        seen: impl Fn(u64) + Clone + Send + Sync + 'static,
    ) -> Result<(), RegistryError> {
        let (read, answer) = source.blob(source_repository, blob).await?;
        let fault = Fault::default();
        let pieces = pieces(read, answer, (blob.size, blob.digest.clone()), fault.clone(), seen);
        url.query_pairs_mut().append_pair("digest", blob.digest.as_str());
        let access = Access::push(&self.path(repository));
        let call = Call { method: Method::PUT, url, access, place: Place::Request, length: Length::Blob };
        let sent = self
            .send_once(&call, |request| {
                request
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .header(CONTENT_LENGTH, blob.size)
                    .body(Body::wrap_stream(pieces))
            })
            .await;
        // What is wrong with the source is the reason why the target was left alone.
        if let Some(error) = fault.take() {
            return Err(error);
        }
        let answer = sent?;
        if self.asks_who_is_there(&call, &answer)? {
            return Err(call.failed(Kind::NoAnswer("the registry asks again who is there".to_owned())));
        }
        self.succeeded(&call, answer).await.map(drop)
    }

    /// A blob that is read.
    async fn blob(&self, repository: &Repository, blob: &Blob) -> Result<(Call, Answer), RegistryError> {
        let mut call = self.call(Method::GET, repository, &format!("blobs/{}", blob.digest));
        call.place = Place::Download;
        call.length = Length::Blob;
        let answer = self.send(&call, |request| request).await?;
        let answer = self.succeeded(&call, answer).await?;
        Ok((call, answer))
    }
}
