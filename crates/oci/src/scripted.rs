//! A transport for tests: it answers by a script, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::exchange::error::RegistryError;
use crate::exchange::request::Request;
use crate::exchange::response::Response;
use crate::exchange::transport::Transport;

/// What comes next.
pub(crate) enum Step {
    /// An answer: status, headers, and pieces of the body.
    Answer(u16, Vec<(&'static str, String)>, Vec<Result<&'static str, &'static str>>),
    /// The connection is closed.
    Close,
    /// A document begins, and never goes on.
    Drip,
    /// Nothing, for ever.
    Hang,
}

/// An answer without headers.
pub(crate) fn answer(status: u16, body: &'static str) -> Step {
    Step::Answer(status, vec![], vec![Ok(body)])
}

/// A registry that follows a script.
#[derive(Clone)]
pub(crate) struct Scripted {
    steps: Arc<Mutex<VecDeque<Step>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request: method and URL, and the header with credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: Arc::new(Mutex::new(steps.into_iter().collect())), asked: Arc::default() }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Transport for Scripted {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        let authorization = request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let line = format!("{} {}", request.method, request.url);
        self.asked.lock().unwrap().push(Asked { line, authorization });
        let step = self.steps.lock().unwrap().pop_front().expect("a request that the script does not have");
        Box::pin(async move {
            // Others that send at the same time do so before anybody has an answer.
            tokio::task::yield_now().await;
            match step {
                Step::Hang => std::future::pending().await,
                Step::Drip => {
                    let pieces = stream::iter([Ok("{".into())]).chain(stream::pending());
                    Ok(Response::new(StatusCode::OK, request.url, HeaderMap::new(), pieces))
                }
                Step::Close => Err(RegistryError::no_answer(&request.method, &request.url, "closed".to_owned())),
                Step::Answer(status, headers, pieces) => {
                    let headers: HeaderMap = headers
                        .into_iter()
                        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap()))
                        .collect();
                    let pieces: Vec<_> =
                        pieces.into_iter().map(|piece| piece.map(Into::into).map_err(str::to_owned)).collect();
                    Ok(Response::new(StatusCode::from_u16(status).unwrap(), request.url, headers, stream::iter(pieces)))
                }
            }
        })
    }
}
