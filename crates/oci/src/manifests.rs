//! Manifests of images, indexes and artifacts.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

use super::client::{Call, Registry};
use super::error::{Kind, RegistryError};
use super::transport::{Answer, body};
use crate::{Repository, digest_of};
use local_registry_core::{Digest, Tag};

/// The media types of manifests that are understood.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";
/// The header with the digest of a manifest.
const DIGEST: &str = "docker-content-digest";
/// The header by which a registry with the API of referrers says that it has understood a manifest's subject.
const SUBJECT: &str = "oci-subject";

/// A manifest as it was sent.
#[derive(Debug, Clone)]
pub struct RawManifest {
    pub digest: Digest,
    pub bytes: Bytes,
    /// What the registry says it is.
    pub media_type: String,
}

/// How a manifest is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Reference<'a> {
    Tag(&'a Tag),
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
    pub async fn manifest_digest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
    ) -> Result<Option<Digest>, RegistryError> {
        let call = self.manifest_call(Method::HEAD, repository, reference);
        let found = self
            .transport
            .retrying(async || {
                let answer = self.send(&call, |request| request.header(ACCEPT, ACCEPTED)).await?;
                let Some(answer) = self.found(&call, answer).await? else { return Ok(None) };
                Ok(Some(said_digest(&call, answer.response.headers())?))
            })
            .await?;
        match found {
            None => Ok(None),
            Some(Some(digest)) => match reference {
                Reference::Digest(asked) if *asked != digest => {
                    Err(call.failed(Kind::WrongDigest { found: digest, expected: asked.clone() }))
                }
                _ => Ok(Some(digest)),
            },
            // The registry does not say it, so the manifest has to.
            Some(None) => Ok(self.manifest(repository, reference).await?.map(|manifest| manifest.digest)),
        }
    }

    /// A manifest; `None` if there is none. What was asked for by digest has that digest.
    pub async fn manifest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
    ) -> Result<Option<RawManifest>, RegistryError> {
        let call = self.manifest_call(Method::GET, repository, reference);
        self.transport
            .retrying(async || {
                let answer = self.send(&call, |request| request.header(ACCEPT, ACCEPTED)).await?;
                let Some(answer) = self.found(&call, answer).await? else { return Ok(None) };
                let Answer { response, place } = answer;
                let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let media_type = media_type.unwrap_or_default().to_owned();
                let said = said_digest(&call, response.headers())?;
                let bytes = body(&call.method, &call.url, response).await?;
                drop(place);
                let digest = digest_of(&bytes);
                let expected = match reference {
                    Reference::Digest(asked) => Some(asked.clone()),
                    Reference::Tag(_) => said,
                };
                match expected {
                    Some(expected) if expected != digest => {
                        Err(call.failed(Kind::WrongDigest { found: digest, expected }))
                    }
                    _ => Ok(Some(RawManifest { digest, bytes, media_type })),
                }
            })
            .await
    }

    /// Pushes a manifest, and returns whether the registry has understood its subject.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        reference: Reference<'_>,
        media_type: &str,
        manifest: &RawManifest,
    ) -> Result<bool, RegistryError> {
        let call = self.manifest_call(Method::PUT, repository, reference);
        self.transport
            .retrying(async || {
                let answer = self
                    .send(&call, |request| request.header(CONTENT_TYPE, media_type).body(manifest.bytes.clone()))
                    .await?;
                let answer = self.succeeded(&call, answer).await?;
                let headers = answer.response.headers();
                match said_digest(&call, headers)? {
                    Some(found) if found != manifest.digest => {
                        Err(call.failed(Kind::WrongDigest { found, expected: manifest.digest.clone() }))
                    }
                    _ => Ok(headers.contains_key(SUBJECT)),
                }
            })
            .await
    }

    fn manifest_call(&self, method: Method, repository: &Repository, reference: Reference<'_>) -> Call {
        self.call(method, repository, &format!("manifests/{}", reference.as_str()))
    }
}

/// The digest that an answer names, if any.
fn said_digest(call: &Call, headers: &HeaderMap) -> Result<Option<Digest>, RegistryError> {
    let Some(value) = headers.get(DIGEST) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(_) => Err(call.failed(Kind::Header { name: "Docker-Content-Digest", value: text.into_owned() })),
    }
}
