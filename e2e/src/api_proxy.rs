//! A port in front of the API server: it counts the calls of one program, and makes the kinds of trouble that a network and an API
//! server make.
//!
//! It understands HTTP, other than `Balancer`: only so can it refuse a request, end a watch alone, or cut an answer in its middle.

use std::io::Error;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, TRANSFER_ENCODING};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures_util::stream::{iter, try_unfold};
use reqwest::Client;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::control_plane::ControlPlane;

/// How long a client that is told to wait has to, in seconds.
const WAIT: u32 = 1;

/// What a connection is about, and not its message.
const OF_A_CONNECTION: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// What does not work between a program and the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Everything works.
    None,
    /// Nobody is there: connections end before a request can be sent, and those that are open are cut.
    Away,
    /// Every request is answered by 429, with `Retry-After`. Open watches go on.
    TooManyRequests,
    /// Every request is answered by 503. Open watches go on.
    Unavailable,
    /// No request is answered, and open watches say nothing. What was asked meanwhile is done when the trouble is over, unless the
    /// client has given up.
    Hangs,
    /// Every watch ends at once, without an event.
    WatchesEnd,
    /// Every connection is cut: that of a watch at once, and any other one in the middle of its answer.
    Cuts,
}

/// A port that leads one program to the API server. It ends when it is dropped.
#[derive(Debug)]
pub struct ApiProxy {
    port: u16,
    front: Arc<Front>,
    _runtime: Runtime,
}

/// What its connections share.
#[derive(Debug)]
struct Front {
    api_server: String,
    client: Client,
    trouble: watch::Sender<Trouble>,
    calls: AtomicU64,
}

impl ApiProxy {
    /// Starts one on loopback, with the certificate of the API server.
    #[must_use]
    pub fn start(control_plane: &ControlPlane) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(&control_plane.authority()).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        let (trouble, _) = watch::channel(Trouble::None);
        let front = Arc::new(Front { api_server: control_plane.url(), client, trouble, calls: AtomicU64::new(0) });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let certificates = control_plane.certificates();
        let tls = runtime.block_on(RustlsConfig::from_pem_file(&certificates.certificate, &certificates.key)).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&front)).into_make_service();
        let gate = RustlsAcceptor::new(tls).acceptor(Gate(Arc::clone(&front)));
        let server = runtime.block_on(async { axum_server::from_tcp(listener) }).unwrap().acceptor(gate);
        runtime.spawn(server.serve(routes));
        Self { port, front, _runtime: runtime }
    }

    /// Its address, in place of the API server's.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Lets this be what does not work, from now on.
    pub fn set(&self, trouble: Trouble) {
        self.front.trouble.send_replace(trouble);
    }

    /// How many requests have come, with the connections that were refused.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.front.calls.load(Ordering::Relaxed)
    }
}

/// Refuses connections while nobody is there.
#[derive(Debug, Clone)]
struct Gate(Arc<Front>);

impl<S> Accept<TcpStream, S> for Gate {
    type Stream = TcpStream;
    type Service = S;
    type Future = std::future::Ready<std::io::Result<(TcpStream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let accepted = if self.0.trouble() == Trouble::Away {
            self.0.calls.fetch_add(1, Ordering::Relaxed);
            Err(cut())
        } else {
            Ok((stream, service))
        };
        std::future::ready(accepted)
    }
}

async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    front.calls.fetch_add(1, Ordering::Relaxed);
    match front.trouble() {
        Trouble::TooManyRequests => return refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
        Trouble::Unavailable => return refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Trouble::Hangs => {
            let _ = front.trouble.subscribe().wait_for(|trouble| *trouble != Trouble::Hangs).await;
        }
        Trouble::None | Trouble::Away | Trouble::WatchesEnd | Trouble::Cuts => {}
    }
    let asks_for_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
    if asks_for_watch && front.trouble() == Trouble::WatchesEnd {
        return ([(CONTENT_TYPE, "application/json")], Body::empty()).into_response();
    }
    match front.ask(request).await {
        Ok(answer) if asks_for_watch => front.watched(answer),
        Ok(answer) => front.whole(answer).await.unwrap_or_else(|_| bad_gateway()),
        Err(_) => bad_gateway(),
    }
}

impl Front {
    fn trouble(&self) -> Trouble {
        *self.trouble.borrow()
    }

    /// Sends a request on to the API server.
    async fn ask(&self, request: Request) -> reqwest::Result<reqwest::Response> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let asked = self.client.request(parts.method, format!("{}{path}", self.api_server));
        asked.headers(of_the_message(&parts.headers)).body(body).send().await
    }

    /// An answer that comes at once.
    async fn whole(&self, answer: reqwest::Response) -> reqwest::Result<Response> {
        let (status, headers) = (answer.status(), of_the_message(answer.headers()));
        let body = answer.bytes().await?;
        if self.trouble() != Trouble::Cuts {
            return Ok((status, headers, body).into_response());
        }
        let half = body.slice(..body.len() / 2);
        let length = [(CONTENT_LENGTH, body.len().max(1).to_string())];
        Ok((status, headers, length, Body::from_stream(iter([Ok(half), Err(cut())]))).into_response())
    }

    /// An answer that comes bit by bit.
    fn watched(&self, answer: reqwest::Response) -> Response {
        let (status, headers) = (answer.status(), of_the_message(answer.headers()));
        let events = try_unfold((answer, self.trouble.subscribe()), |(mut answer, mut trouble)| async {
            let next = next_event(&mut answer, &mut trouble).await?;
            Ok::<_, Error>(next.map(|bytes| (bytes, (answer, trouble))))
        });
        (status, headers, Body::from_stream(events)).into_response()
    }
}

/// What comes next in a watch; `None` if it ends.
async fn next_event(
    answer: &mut reqwest::Response,
    trouble: &mut watch::Receiver<Trouble>,
) -> Result<Option<Bytes>, Error> {
    loop {
        let now = *trouble.borrow_and_update();
        match now {
            Trouble::Away | Trouble::Cuts => return Err(cut()),
            Trouble::WatchesEnd => return Ok(None),
            Trouble::Hangs => trouble.changed().await.map_err(Error::other)?,
            Trouble::None | Trouble::TooManyRequests | Trouble::Unavailable => tokio::select! {
                event = answer.chunk() => return event.map_err(Error::other),
                changed = trouble.changed() => changed.map_err(Error::other)?,
            },
        }
    }
}

/// The headers that are those of the message, and not of its connection.
fn of_the_message(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_A_CONNECTION {
        headers.remove(name);
    }
    headers
}

/// A refusal in the words of an API server.
fn refusal(status: StatusCode, reason: &str) -> Response {
    let message = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": "the proxy of a test refuses every request", "reason": reason, "code": status.as_u16(),
    });
    let headers = [(CONTENT_TYPE, "application/json".to_owned()), (RETRY_AFTER, WAIT.to_string())];
    (status, headers, message.to_string()).into_response()
}

/// That the API server does not answer, for a connection that is open already.
fn bad_gateway() -> Response {
    (StatusCode::BAD_GATEWAY, [(CONNECTION, "close")]).into_response()
}

fn cut() -> Error {
    Error::other("cut")
}
