//! Manifests of images, indexes and artifacts.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use local_registry_core::{Digest, Tag};

use super::hasher::digest_of;
use super::registry::Registry;
#[cfg(feature = "registries")]
use crate::exchange::access::Access;
use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::{Body, Expected, Request, RequestLine};
use crate::exchange::response::Response;
use crate::names::repository::Repository;

/// The media types of manifests that are understood.
const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1",
);
/// How the media types of the old format begin. One of both is signed, and its digest is that of what is signed.
const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+";
/// The header with the digest of a manifest.
const DIGEST: &str = "docker-content-digest";

/// A manifest as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Bytes,
    /// What the registry says it is.
    pub media_type: String,
}

impl RawManifest {
    /// A manifest with these bytes.
    ///
    /// ```
    /// use local_registry_oci::{RawManifest, digest_of};
    ///
    /// let text = r#"{"schemaVersion": 2, "manifests": []}"#;
    /// let index = RawManifest::new("application/vnd.oci.image.index.v1+json", text);
    /// assert_eq!(index.digest, digest_of(text.as_bytes()));
    /// ```
    #[must_use]
    pub fn new(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { digest: digest_of(&bytes), bytes, media_type: media_type.to_owned() }
    }
}

/// How a manifest is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Reference<'a> {
    /// By a tag, which may name another manifest later.
    Tag(&'a Tag),
    /// By its own digest.
    Digest(&'a Digest),
}

impl Reference<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

impl Registry {
    /// The digest of a manifest; `None` if there is none.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not say, or names another digest than the one that was asked for.
    pub async fn manifest_digest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
    ) -> Result<Option<Digest>, RegistryError> {
        let request = self.manifest_request(Method::HEAD, repository, reference, Expected::Headers)?;
        let line = request.line();
        let named = match self.find(request.header(ACCEPT, ACCEPTED)).await {
            Ok(None) => return Ok(None),
            Ok(Some(response)) => named_digest(&line, &response.headers)?,
            // Some registry has no HEAD at all.
            Err(error) if error.status() == Some(StatusCode::METHOD_NOT_ALLOWED) => None,
            Err(error) => return Err(error),
        };
        match (named, reference) {
            (Some(found), Reference::Digest(expected)) if found != *expected => {
                Err(line.failed(Kind::WrongDigest { found, expected: expected.clone() }))
            }
            (Some(found), _) => Ok(Some(found)),
            // The registry does not name it, so the manifest has to be read.
            (None, _) => Ok(self.manifest(repository, reference).await?.map(|manifest| manifest.digest)),
        }
    }

    /// A manifest; `None` if there is none. What was asked for by digest has that digest.
    ///
    /// # Errors
    /// A [`RegistryError`] if it cannot be read, or has another digest than it should.
    pub async fn manifest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
    ) -> Result<Option<RawManifest>, RegistryError> {
        let request = self.manifest_request(Method::GET, repository, reference, Expected::Document)?;
        let line = request.line();
        match self.find(request.header(ACCEPT, ACCEPTED)).await? {
            Some(response) => read(&line, response, reference).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same for whoever deletes by it: `None` only if the registry itself says that it has no such manifest. A proxy, or a registry
    /// that is ill, answers 404, too.
    ///
    /// # Errors
    /// A [`RegistryError`] if it cannot be read, has another digest than it should, or if somebody else says that it is not there.
    #[cfg(feature = "registries")]
    pub async fn known_manifest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
    ) -> Result<Option<RawManifest>, RegistryError> {
        let request = self.manifest_request(Method::GET, repository, reference, Expected::Document)?;
        let line = request.line();
        match self.succeed(request.header(ACCEPT, ACCEPTED)).await {
            Ok(response) => read(&line, response, reference).await.map(Some),
            Err(error) if error.is_unknown_content() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes a manifest by its digest, with all of its tags, or a tag alone. Returns whether it was there.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not delete it: one that deletes nothing answers 405.
    #[cfg(feature = "registries")]
    pub async fn delete_manifest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
    ) -> Result<bool, RegistryError> {
        let mut request = self.manifest_request(Method::DELETE, repository, reference, Expected::Headers)?;
        request.access = Some(Access::delete(&self.api_path(repository)));
        match self.succeed(request).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_unknown_content() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Pushes a manifest as what `media_type` says.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry does not take it, or says that it took something else.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
        media_type: &str,
        manifest: &RawManifest,
    ) -> Result<(), RegistryError> {
        let request = self.manifest_request(Method::PUT, repository, reference, Expected::Headers)?;
        let line = request.line();
        let media_type = HeaderValue::from_str(media_type).map_err(|_| {
            line.failed(Kind::NoAnswer("the media type has characters that no header may have".to_owned()))
        })?;
        let request = request.header(CONTENT_TYPE, media_type).body(Body::Bytes(manifest.bytes.clone()));
        let response = self.succeed(request).await?;
        match named_digest(&line, &response.headers)? {
            Some(found) if found != manifest.digest => {
                Err(line.failed(Kind::WrongDigest { found, expected: manifest.digest.clone() }))
            }
            _ => Ok(()),
        }
    }

    fn manifest_request(
        &self,
        method: Method,
        repository: &Repository,
        reference: Reference<'_>,
        expected: Expected,
    ) -> Result<Request, RegistryError> {
        self.request(method, repository, &format!("manifests/{}", reference.as_str()), expected)
    }
}

/// A manifest that was sent.
async fn read(
    line: &RequestLine,
    mut response: Response,
    reference: Reference<'_>,
) -> Result<RawManifest, RegistryError> {
    let bytes = response.document().await.map_err(|kind| line.failed(kind))?;
    let media_type = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type.is_some_and(|media_type| media_type.starts_with(SCHEMA1)) {
        return Err(line.failed(Kind::Schema1));
    }
    let manifest = RawManifest::new(media_type.unwrap_or_default(), bytes);
    let named = named_digest(line, &response.headers)?;
    let expected = match reference {
        Reference::Digest(asked) => Some(asked.clone()),
        Reference::Tag(_) => named,
    };
    match expected {
        Some(expected) if expected != manifest.digest => {
            Err(line.failed(Kind::WrongDigest { found: manifest.digest, expected }))
        }
        _ => Ok(manifest),
    }
}

/// The digest that an answer names, if any.
fn named_digest(line: &RequestLine, headers: &HeaderMap) -> Result<Option<Digest>, RegistryError> {
    let Some(value) = headers.get(DIGEST) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(_) => Err(line.failed(Kind::Header { name: "Docker-Content-Digest", value: text.into_owned() })),
    }
}
