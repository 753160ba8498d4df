//! The lowest transport: HTTP and TLS, by reqwest.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use http::{Method, Uri};
use local_registry_core::text::with_causes;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, Error, RequestBuilder, Url};
use tokio::time::{sleep, timeout};

use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::{Body, Expected, Request};
use crate::exchange::response::Response;
use crate::exchange::transport::Transport;
use crate::pace::movement::Movement;

/// How long the headers of an answer may take, and whatever a registry says when it refuses something.
const LONGEST: Duration = Duration::from_mins(1);
/// How often an answer may lead elsewhere.
const REDIRECTS: usize = 5;

/// Sends requests over the network.
#[derive(Clone)]
pub(crate) struct Network {
    /// What is read may be elsewhere.
    reading: Client,
    writing: Client,
    /// What is written as a stream takes as long as its source does.
    streaming: Client,
    /// How long a registry may say nothing.
    timeout: Duration,
}

/// How the network is used.
pub(crate) struct NetworkOptions {
    pub(crate) user_agent: String,
    /// How long a registry may say nothing.
    pub(crate) timeout: Duration,
    pub(crate) at_once: usize,
    pub(crate) proxy: Proxy,
}

/// Whether requests go by a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// If the environment has one.
    System,
    /// Never: it would read credentials that are not encrypted.
    Never,
}

impl Network {
    /// Prepares to send. Nothing is sent yet.
    pub(crate) fn new(options: &NetworkOptions) -> Result<Self, Error> {
        // An error means that a library was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |policy: Policy| {
            let builder = Client::builder()
                .user_agent(&options.user_agent)
                .connect_timeout(options.timeout.min(Duration::from_secs(10)))
                .pool_max_idle_per_host(options.at_once)
                .redirect(policy);
            if options.proxy == Proxy::Never { builder.no_proxy() } else { builder }
        };
        Ok(Self {
            reading: client(Policy::custom(redirect)).read_timeout(options.timeout).build()?,
            writing: client(Policy::none()).read_timeout(options.timeout).build()?,
            // reqwest's timeout would begin before the first piece, and end before the last one.
            streaming: client(Policy::none()).build()?,
            timeout: options.timeout,
        })
    }

    /// The client for a request, and how long the headers of the answer may take.
    fn client(&self, request: &Request) -> (&Client, Duration) {
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        match &request.body {
            Body::Stream(_) => (&self.streaming, self.timeout),
            Body::Bytes(_) if is_read => (&self.reading, self.timeout.min(LONGEST)),
            // A registry may look at all parts of a manifest before it answers.
            Body::Bytes(_) => (&self.writing, self.timeout),
        }
    }

    async fn execute(&self, request: Request) -> Result<Response, RegistryError> {
        let (line, sent) = (request.line(), request.url.clone());
        let failed = |reason| line.failed(Kind::NoAnswer(reason));
        let url = Url::parse(&request.url.to_string()).map_err(|error| failed(error.to_string()))?;
        let (client, longest) = self.client(&request);
        let builder = client.request(request.method.clone(), url.clone()).headers(request.headers);
        let response = match request.body {
            Body::Stream(pieces) => self.stream(builder, pieces).await,
            Body::Bytes(bytes) => match timeout(longest, builder.body(bytes).send()).await {
                Ok(sent) => sent.map_err(failure),
                Err(_) => Err(Kind::TooSlow("the headers of the answer did not come in time".to_owned())),
            },
        };
        let response = response.map_err(|kind| line.failed(kind))?;
        // A URL that reqwest has only written in another way is still the one that was asked.
        let answered = if *response.url() == url { Some(sent) } else { response.url().as_str().parse().ok() };
        let answered: Uri =
            answered.ok_or_else(|| failed("the answer leads to where nothing can be asked".to_owned()))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let pieces = response.bytes_stream().map_err(reason);
        // Whoever reads a document or a blob looks how long that takes.
        if request.expected != Expected::Headers && status.is_success() {
            return Ok(Response::new(status, answered, headers, pieces));
        }
        Ok(Response::new(status, answered, headers, pieces.take_until(sleep(LONGEST))))
    }

    /// Sends a stream. It takes as long as it takes, but it has to move.
    async fn stream(
        &self,
        builder: RequestBuilder,
        pieces: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> Result<reqwest::Response, Kind> {
        let movement = Movement::start();
        let body = reqwest::Body::wrap_stream(movement.clone().watch(pieces));
        let (sent, stopped) = (Box::pin(builder.body(body).send()), Box::pin(movement.stop(self.timeout)));
        match select(sent, stopped).await {
            Either::Left((sent, _)) => sent.map_err(failure),
            Either::Right(_) => Err(Kind::TooSlow("the upload does not go on".to_owned())),
        }
    }
}

impl Transport for Network {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(self.execute(request))
    }
}

/// What went wrong with a request that got no answer.
fn failure(error: Error) -> Kind {
    if error.is_timeout() && !error.is_connect() {
        return Kind::TooSlow(reason(error));
    }
    Kind::NoAnswer(reason(error))
}

/// Why there is no answer. The URL may have secrets in its query.
fn reason(error: Error) -> String {
    with_causes(&error.without_url())
}

/// Follows an answer elsewhere, but never to where the way is not encrypted any more. reqwest takes credentials along only
/// to the same host and port.
fn redirect(attempt: Attempt<'_>) -> Action {
    let was_encrypted = attempt.previous().iter().any(|url| url.scheme() == "https");
    if was_encrypted && attempt.url().scheme() != "https" {
        return attempt.error("the answer leads to where the way is not encrypted");
    }
    if attempt.previous().len() > REDIRECTS {
        return attempt.error("the answer leads elsewhere too often");
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::exchange::request::Expected;

    /// Asks a server on loopback that answers with this text, and then closes the connection or keeps it.
    async fn asked(text: &'static str, keeps: bool) -> (String, Result<String, String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            if keeps {
                std::future::pending::<()>().await;
            }
        });
        let timeout = Duration::from_millis(200);
        let options = NetworkOptions { user_agent: "a-test".to_owned(), timeout, at_once: 1, proxy: Proxy::Never };
        let network = Network::new(&options).unwrap();
        let url = format!("http://{address}/v2/app/manifests/v1?token=s3cret").parse().unwrap();
        let found = match network.send(Request::new(Method::GET, url, None, Expected::Document)).await {
            Ok(mut response) => match response.document().await {
                Ok(document) => Ok(String::from_utf8(document.to_vec()).unwrap()),
                Err(kind) => Err(kind.to_string()),
            },
            Err(error) => Err(error.to_string()),
        };
        server.abort();
        (address, found)
    }

    #[tokio::test]
    async fn a_registry_that_says_nothing_is_left() {
        let (address, found) = asked("", true).await;
        let expected = format!("GET http://{address}/v2/app/manifests/v1: error sending request: operation timed out");
        assert_eq!(found, Err(expected));
        let (_, found) = asked("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab", true).await;
        assert_eq!(found.unwrap_err().lines().count(), 1);
    }

    #[tokio::test]
    async fn an_upload_may_take_longer_than_a_registry_may_say_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v2/app/blobs/uploads/1", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            while !all.ends_with(b"01234") {
                stream.read_buf(&mut all).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        });
        let timeout = Duration::from_millis(200);
        let options = NetworkOptions { user_agent: "a-test".to_owned(), timeout, at_once: 1, proxy: Proxy::Never };
        let pieces = futures_util::stream::iter(0..5).then(async |piece| {
            sleep(Duration::from_millis(100)).await;
            Ok(Bytes::from(piece.to_string()))
        });
        let request = Request::new(Method::PUT, url, None, Expected::Headers)
            .header(http::header::CONTENT_LENGTH, 5)
            .body(Body::Stream(pieces.boxed()));
        let answer = Network::new(&options).unwrap().send(request).await.unwrap();
        assert_eq!(answer.status.as_u16(), 201);
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_is_closed_is_an_error_without_secrets() {
        let (address, found) = asked("", false).await;
        let error = found.unwrap_err();
        assert!(error.starts_with(&format!("GET http://{address}/v2/app/manifests/v1: ")), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
        let (_, found) = asked("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", false).await;
        assert_eq!(found.as_deref(), Ok("ab"));
    }
}
