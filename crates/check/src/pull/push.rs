//! Pushes an image (OCI distribution specification 1.1), without a password.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode, Uri};
use kube::client::Body;
use kube::{Client, Config};

use super::image::{Blob, Image};
use local_registry_core::registry::RegistryUrl;
use local_registry_core::text::root_cause;

/// How long each request may take. The layer has some 6 MB.
const LIMIT: Duration = Duration::from_mins(1);

/// Why an image could not be pushed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PushError {
    #[error("the registry wants a password")]
    Unauthorized,
    #[error("the registry answers {status} to {method} {path}")]
    Refused { status: StatusCode, method: Method, path: String },
    #[error("the registry does not say where to upload to")]
    NoLocation,
    #[error("{0}")]
    NoAnswer(String),
}

/// Pushes an image by its tag. What the registry has already is not sent.
pub(super) async fn push(url: &RegistryUrl, repository: &str, image: &Image) -> Result<(), PushError> {
    let registry = Registry::new(url)?;
    for blob in [&image.layer, &image.config] {
        registry.push_blob(repository, blob).await?;
    }
    let path = format!("/v2/{repository}/manifests/{}", image.tag());
    let manifest = (image.manifest.media_type, &image.manifest.bytes);
    let answer = registry.send(Method::PUT, &path, Some(manifest)).await?;
    expect(StatusCode::CREATED, answer.status(), Method::PUT, &path)
}

/// The HTTP stack is that of the Kubernetes client, which brings TLS and the system's certificates. It sends everything
/// to the one host that it was made for, whatever host an answer names.
struct Registry(Client);

impl Registry {
    fn new(url: &RegistryUrl) -> Result<Self, PushError> {
        let url =
            url.to_string().parse().map_err(|error: http::uri::InvalidUri| PushError::NoAnswer(error.to_string()))?;
        Client::try_from(Config::new(url)).map(Self).map_err(|error| PushError::NoAnswer(root_cause(&error)))
    }

    async fn push_blob(&self, repository: &str, blob: &Blob) -> Result<(), PushError> {
        let path = format!("/v2/{repository}/blobs/{}", blob.digest);
        if self.send(Method::HEAD, &path, None).await?.status() == StatusCode::OK {
            return Ok(());
        }
        let path = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.send(Method::POST, &path, None).await?;
        expect(StatusCode::ACCEPTED, answer.status(), Method::POST, &path)?;
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location: Uri = location.and_then(|location| location.parse().ok()).ok_or(PushError::NoLocation)?;
        let location = location.path_and_query().ok_or(PushError::NoLocation)?;
        let separator = if location.query().is_some() { '&' } else { '?' };
        let upload = format!("{location}{separator}digest={}", blob.digest);
        let answer = self.send(Method::PUT, &upload, Some(("application/octet-stream", &blob.bytes))).await?;
        expect(StatusCode::CREATED, answer.status(), Method::PUT, location.path())
    }

    /// Sends a request, with a body of this type if there is one.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, &Bytes)>,
    ) -> Result<Response<Body>, PushError> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((media_type, _)) = body {
            request = request.header(CONTENT_TYPE, media_type);
        }
        let body = body.map_or_else(Bytes::new, |(_, bytes)| bytes.clone());
        let request = request.body(Body::from(body)).map_err(|error| PushError::NoAnswer(error.to_string()))?;
        let answer = tokio::time::timeout(LIMIT, self.0.send(request)).await;
        let answer =
            answer.map_err(|_| PushError::NoAnswer(format!("no answer within {} seconds", LIMIT.as_secs())))?;
        answer.map_err(|error| PushError::NoAnswer(root_cause(&error)))
    }
}

fn expect(expected: StatusCode, status: StatusCode, method: Method, path: &str) -> Result<(), PushError> {
    if status == expected {
        Ok(())
    } else if status == StatusCode::UNAUTHORIZED {
        Err(PushError::Unauthorized)
    } else {
        Err(PushError::Refused { status, method, path: path.to_owned() })
    }
}
