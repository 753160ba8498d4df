//! What the registry is asked by: the HTTP stack of the Kubernetes client, which brings TLS and the system's certificates.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use kube::client::Body;
use kube::{Client, Config};
use local_registry_core::registry::RegistryUrl;
use local_registry_core::text::root_cause;
use local_registry_oci::{RegistryError, Request, Response, Transport};

/// How long each request may take. The layer has some 6 MB.
const LIMIT: Duration = Duration::from_mins(1);

/// Sends everything to the one host that it was made for, whatever host an answer names, and reads no bodies.
pub(super) struct OneHost {
    client: Client,
    /// What says who it is, in every request.
    authorization: Option<HeaderValue>,
}

impl OneHost {
    /// The way to the registry at a URL.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn new(url: &RegistryUrl, authorization: Option<HeaderValue>) -> Result<Self, String> {
        let url = url.to_string().parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let client = Client::try_from(Config::new(url)).map_err(|error| root_cause(&error))?;
        Ok(Self { client, authorization })
    }

    async fn exchange(&self, request: Request) -> Result<Response, RegistryError> {
        let (method, url) = (request.method.clone(), request.url.clone());
        let failed = |reason: String| RegistryError::no_answer(&method, &url, reason);
        let path = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut builder = http::Request::builder().method(method.clone()).uri(path);
        if let Some(headers) = builder.headers_mut() {
            headers.clone_from(&request.headers);
            if let Some(authorization) = &self.authorization {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
        }
        let bytes = request.into_bytes().await.map_err(|error| failed(error.to_string()))?;
        let request = builder.body(Body::from(bytes)).map_err(|error| failed(error.to_string()))?;
        let answer = tokio::time::timeout(LIMIT, self.client.send(request)).await;
        let answer = answer.map_err(|_| failed(format!("no answer within {} seconds", LIMIT.as_secs())))?;
        let answer = answer.map_err(|error| failed(root_cause(&error)))?;
        let status = status(&method, &url, answer.status())?;
        let headers = at_this_host(answer.headers().clone());
        Ok(Response::new(status, url, headers, stream::empty()))
    }
}

impl Transport for OneHost {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(self.exchange(request))
    }
}

/// The status of an answer. Whatever answers 200 to everything is not a registry, and has not taken anything.
///
/// What is not certainly there is pushed: only 200 says of a blob that it is.
fn status(method: &Method, url: &Uri, found: StatusCode) -> Result<StatusCode, RegistryError> {
    let expected = match *method {
        Method::HEAD if found != StatusCode::OK => return Ok(StatusCode::NOT_FOUND),
        Method::POST => StatusCode::ACCEPTED,
        Method::PUT => StatusCode::CREATED,
        _ => found,
    };
    if found == expected { Ok(found) } else { Err(RegistryError::refused(method, url, found)) }
}

/// The headers of an answer, whose `Location` leads to this host.
fn at_this_host(mut headers: HeaderMap) -> HeaderMap {
    let location = headers.remove(LOCATION);
    let url: Option<Uri> = location.and_then(|location| location.to_str().ok()?.parse().ok());
    let path = url.as_ref().and_then(Uri::path_and_query);
    // Two slashes would begin the name of a host.
    let path = path.map(|path| format!("/{}", path.as_str().trim_start_matches('/')));
    if let Some(path) = path.and_then(|path| HeaderValue::from_str(&path).ok()) {
        headers.insert(LOCATION, path);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_stays_at_the_host_that_was_asked() {
        let check = |location: &str, expected: Option<&str>| {
            let headers = at_this_host(HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(location).unwrap())]));
            assert_eq!(headers.get(LOCATION).map(|value| value.to_str().unwrap()), expected);
        };
        check("/v2/x/blobs/uploads/7?state=1", Some("/v2/x/blobs/uploads/7?state=1"));
        check("http://elsewhere.example/v2/x/blobs/uploads/7?state=1", Some("/v2/x/blobs/uploads/7?state=1"));
        check("http://elsewhere.example//v2/x/blobs/uploads/7", Some("/v2/x/blobs/uploads/7"));
        check("//v2/x/blobs/uploads/7", Some("/v2/x/blobs/uploads/7"));
        check("no url", None);
    }
}
