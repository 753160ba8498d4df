//! Pushes an image, without a password or with a token of the registry.

use http::{HeaderValue, Method, StatusCode};
use local_registry_core::registry::RegistryUrl;
use local_registry_oci::{Limits, Reference, Registry, RegistryError, Repository};

use super::image::{Image, MANIFEST};
use super::transport::OneHost;

/// A check sends one request after another, and says of the first one that fails what happened.
const LIMITS: Limits = Limits { at_once: 1, per_second: None, retries: 0 };

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

impl From<RegistryError> for PushError {
    fn from(error: RegistryError) -> Self {
        match error.status() {
            Some(StatusCode::UNAUTHORIZED) => Self::Unauthorized,
            Some(status) => Self::Refused { status, method: error.method().clone(), path: error.path().to_owned() },
            None if error.lacks_location() => Self::NoLocation,
            None => Self::NoAnswer(error.reason()),
        }
    }
}

/// Pushes an image by its tag. What the registry has already is not sent.
pub(super) async fn push(
    url: &RegistryUrl,
    path: &str,
    image: &Image,
    token: Option<HeaderValue>,
) -> Result<(), PushError> {
    let repository =
        Repository::parse(&format!("{}/{path}", url.host)).map_err(|error| PushError::NoAnswer(error.to_string()))?;
    let registry = Registry::anonymous(url, OneHost::new(url, token).map_err(PushError::NoAnswer)?, LIMITS)?;
    for blob in [&image.layer, &image.config] {
        registry.push_blob(&repository, blob.clone()).await?;
    }
    registry.put_manifest(&repository, Reference::Tag(&image.tag), MANIFEST, &image.manifest).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::{HeaderMap, Uri};
    use bytes::Bytes;
    use local_registry_core::registry::Scheme;
    use tokio::net::TcpListener;

    use super::*;

    type Answer = (StatusCode, HeaderMap);

    fn answer(status: u16, location: Option<&'static str>) -> Answer {
        let headers = location.map(|location| ("location".parse().unwrap(), HeaderValue::from_static(location)));
        (StatusCode::from_u16(status).unwrap(), headers.into_iter().collect())
    }

    /// Pushes an image to a registry that answers so, and returns what it was asked.
    async fn pushed(answers: fn(&Method) -> Answer) -> (Result<(), String>, Vec<(String, Bytes)>) {
        let asked: Arc<Mutex<Vec<(String, Bytes)>>> = Arc::default();
        let log = Arc::clone(&asked);
        let routes = Router::new().fallback(move |method: Method, uri: Uri, body: Bytes| async move {
            log.lock().unwrap().push((format!("{method} {uri}"), body));
            answers(&method)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string().parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let image = Image::build(b"program".as_slice(), 7).unwrap();
        let found = push(&RegistryUrl { scheme: Scheme::Http, host }, "check/canary", &image, None).await;
        let asked = asked.lock().unwrap().clone();
        (found.map_err(|error| error.to_string()), asked)
    }

    #[tokio::test]
    async fn an_image_is_pushed_to_the_host_that_was_asked() {
        let (found, asked) = pushed(|method| match *method {
            Method::HEAD => answer(404, None),
            // Behind a proxy, a registry may not know how it is reached.
            Method::POST => answer(202, Some("http://registry.internal:5000/v2/check/canary/blobs/uploads/7?state=1")),
            _ => answer(201, None),
        })
        .await;
        assert_eq!(found, Ok(()));
        let image = Image::build(b"program".as_slice(), 7).unwrap();
        let mut expected = Vec::new();
        for blob in [&image.layer, &image.config] {
            let digest = local_registry_oci::digest_of(blob);
            let upload = format!("PUT /v2/check/canary/blobs/uploads/7?state=1&digest={digest}");
            expected.push((format!("HEAD /v2/check/canary/blobs/{digest}"), Bytes::new()));
            expected.push(("POST /v2/check/canary/blobs/uploads/".to_owned(), Bytes::new()));
            expected.push((upload, blob.clone()));
        }
        expected.push((format!("PUT /v2/check/canary/manifests/{}", image.tag), image.manifest.bytes));
        assert_eq!(asked, expected);
    }

    #[tokio::test]
    async fn what_the_registry_has_is_not_sent() {
        let (found, asked) = pushed(|method| answer(if *method == Method::HEAD { 200 } else { 201 }, None)).await;
        assert_eq!((found, asked.len()), (Ok(()), 3));
    }

    #[tokio::test]
    async fn a_registry_that_refuses_is_asked_once() {
        let check = async |answers: fn(&Method) -> Answer, expected: &str, requests: usize| {
            let (found, asked) = pushed(answers).await;
            assert_eq!((found, asked.len()), (Err(expected.to_owned()), requests), "{asked:?}");
        };
        check(|_| answer(401, None), "the registry wants a password", 2).await;
        let upload = "POST /v2/check/canary/blobs/uploads/";
        check(|_| answer(500, None), &format!("the registry answers 500 Internal Server Error to {upload}"), 2).await;
        check(|_| answer(404, None), &format!("the registry answers 404 Not Found to {upload}"), 2).await;
        check(
            |method| answer(if *method == Method::POST { 202 } else { 404 }, None),
            "the registry does not say where to upload to",
            2,
        )
        .await;
        // Whatever answers so to everything is not a registry.
        let (found, _) = pushed(|_| answer(200, None)).await;
        let error = found.unwrap_err();
        assert!(error.starts_with("the registry answers 200 OK to PUT /v2/check/canary/manifests/"), "{error}");
    }
}
