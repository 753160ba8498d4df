//! An answer on its way back through the layers of a client.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http::{HeaderMap, StatusCode, Uri};
use tokio::sync::OwnedSemaphorePermit;

use super::allowance::Allowance;
use super::error::Kind;

#[cfg(feature = "registries")]
pub(crate) use super::allowance::LONGEST_DOCUMENT;

/// An answer. Its body comes in pieces.
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// The URL that answered: another one than that of the request, if that led elsewhere.
    pub url: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    pieces: BoxStream<'static, Result<Bytes, String>>,
    /// What the request takes of the registry's limits, until the body was read.
    permit: Option<OwnedSemaphorePermit>,
    /// Whether the user has credentials for what was asked.
    pub(crate) has_credentials: bool,
}

impl Response {
    /// An answer whose body comes in these pieces. An error says why there are no more of them.
    pub fn new(
        status: StatusCode,
        url: Uri,
        headers: HeaderMap,
        pieces: impl Stream<Item = Result<Bytes, String>> + Send + 'static,
    ) -> Self {
        Self { status, url, headers, pieces: pieces.boxed(), permit: None, has_credentials: false }
    }

    /// Keeps a permit until the body was read.
    pub(crate) fn keeping(mut self, permit: OwnedSemaphorePermit) -> Self {
        self.permit = Some(permit);
        self
    }

    /// The next piece of the body.
    pub(crate) async fn piece(&mut self) -> Option<Result<Bytes, String>> {
        self.pieces.next().await
    }

    /// Reads all of a body that is a document, and puts that in its place.
    pub(crate) async fn read_document(mut self, longest: &Allowance) -> Result<Self, Kind> {
        let document = self.read(longest).await?;
        longest.take(document.len());
        self.pieces = stream::iter([Ok(document)]).boxed();
        Ok(self)
    }

    /// All of a body that is a document.
    pub(crate) async fn document(&mut self) -> Result<Bytes, Kind> {
        self.read(&Allowance::default()).await
    }

    async fn read(&mut self, longest: &Allowance) -> Result<Bytes, Kind> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.piece().await {
            let piece = piece.map_err(Kind::NoAnswer)?;
            if all.len() + piece.len() > longest.left() {
                return Err(longest.exceeded());
            }
            if all.is_empty() {
                all = BytesMut::from(piece);
            } else {
                all.extend_from_slice(&piece);
            }
        }
        Ok(all.freeze())
    }
}
