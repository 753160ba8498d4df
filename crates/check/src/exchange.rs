//! One request over HTTP, by the stack of the Kubernetes client, which brings TLS and the system's certificates.

use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, InvalidUri, PathAndQuery};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use kube::{Client, Config};
use local_registry_core::text::root_cause;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// How long each step may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How much of a body is read.
const BODY: usize = 64 * 1024;

/// What a server answered.
pub(super) struct Exchanged {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Gets a URL, with this header `Authorization` if there is one.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn get(url: &Uri, authorization: Option<HeaderValue>) -> Result<Exchanged, String> {
    // The client puts the path of its own URL in front of that of a request.
    let (scheme, host) = (url.scheme_str().unwrap_or_default(), url.authority().map_or("", Authority::as_str));
    let origin = format!("{scheme}://{host}").parse().map_err(|error: InvalidUri| error.to_string())?;
    // What is answered is of interest, and not what may be answered later.
    let mut config = Config::new(origin);
    config.default_retry = false;
    let client = Client::try_from(config).map_err(|error| error.to_string())?;
    let path = url.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut request = http::Request::get(path).body(Body::empty()).map_err(|error| error.to_string())?;
    if let Some(authorization) = authorization {
        request.headers_mut().insert(http::header::AUTHORIZATION, authorization);
    }
    // The client logs a connection that fails as an error; here it is half of the answer.
    let answer = limited(client.send(request).with_subscriber(NoSubscriber::default())).await?;
    let (parts, body) = answer.map_err(|error| root_cause(&error))?.into_parts();
    let body = limited(Limited::new(body, BODY).collect()).await?;
    // Only some answers have a body that is used.
    let body = body.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    Ok(Exchanged { status: parts.status, headers: parts.headers, body })
}

/// Waits for a step, but not for long.
pub(super) async fn limited<T>(step: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(LIMIT, step).await.map_err(|_| format!("no answer within {} seconds", LIMIT.as_secs()))
}
