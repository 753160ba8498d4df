//! The layer above HTTP: statuses that may pass become errors, and documents are read whole. So whoever sends again knows
//! what went wrong, also in the middle of a document.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::CONTENT_LENGTH;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::allowance::{Allowance, LONGEST_DOCUMENT};
use super::error::{Kind, RegistryError, may_pass};
use super::refusal::refused;
use super::request::{Expected, Request};
use super::response::Response;
use super::transport::Transport;

/// How long a document may take to come. It has 4 MiB at most.
const LONGEST: Duration = Duration::from_mins(1);
/// How many KiB of documents are read from a registry at once: one of the longest, or many of those that are usual.
const AT_ONCE: u32 = 4 << 10;
const _: () = assert!(AT_ONCE as usize == LONGEST_DOCUMENT >> 10);

/// Reads the answers of a transport.
pub(crate) struct Answers<T> {
    inner: T,
    /// The KiB that are left. So the memory for documents has a limit, however many of them a registry sends at once.
    memory: Arc<Semaphore>,
}

impl<T: Transport> Answers<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, memory: Arc::new(Semaphore::new(AT_ONCE as usize)) }
    }

    /// A document takes as much memory as its registry announces; without an announcement, as much as the longest.
    async fn read(&self, response: Response, longest: &Allowance) -> Result<Response, Kind> {
        let announced = response.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let size: usize = announced.unwrap_or(LONGEST_DOCUMENT);
        if announced.is_some() && size > longest.left() {
            return Err(longest.exceeded());
        }
        let kibibytes = u32::try_from((size >> 10) + 1).unwrap_or(u32::MAX).min(AT_ONCE);
        let _memory = self.memory.acquire_many(kibibytes).await;
        let too_slow = |_| Kind::TooSlow(format!("the document did not come within {} s", LONGEST.as_secs()));
        timeout(LONGEST, response.read_document(longest)).await.map_err(too_slow)?
    }
}

impl<T: Transport> Transport for Answers<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            let (line, expected, longest) = (request.line(), request.expected, request.longest.clone());
            let response = self.inner.send(request).await?;
            if may_pass(response.status) {
                return Err(refused(&line, response).await);
            }
            if expected == Expected::Document && response.status.is_success() {
                return self.read(response, &longest).await.map_err(|kind| line.failed(kind));
            }
            Ok(response)
        })
    }
}
