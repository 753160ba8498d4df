//! The layer above HTTP: statuses that may pass become errors, and documents are read whole. So whoever sends again knows
//! what went wrong, also in the middle of a document.

use futures_util::future::BoxFuture;
use http::StatusCode;

use crate::error::RegistryError;
use crate::refusal::refused;
use crate::request::{Expected, Request};
use crate::response::Response;
use crate::transport::Transport;

/// Reads the answers of a transport.
pub(crate) struct Answers<T> {
    inner: T,
}

impl<T: Transport> Answers<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner }
    }
}

impl<T: Transport> Transport for Answers<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            let (line, expected) = (request.line(), request.expected);
            let response = self.inner.send(request).await?;
            if may_pass(response.status) {
                return Err(refused(&line, response).await);
            }
            if expected == Expected::Document && response.status.is_success() {
                return response.read_document().await.map_err(|kind| line.failed(kind));
            }
            Ok(response)
        })
    }
}

fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}
