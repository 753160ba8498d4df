//! An answer on its way back through the layers of a client.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http::{HeaderMap, StatusCode, Uri};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::Kind;

/// How many bytes a document may have. A registry need not take larger manifests.
pub(crate) const LONGEST_DOCUMENT: usize = 4 << 20;

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
}

impl Response {
    /// An answer whose body comes in these pieces. An error says why there are no more of them.
    pub fn new(
        status: StatusCode,
        url: Uri,
        headers: HeaderMap,
        pieces: impl Stream<Item = Result<Bytes, String>> + Send + 'static,
    ) -> Self {
        Self { status, url, headers, pieces: pieces.boxed(), permit: None }
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
    pub(crate) async fn read_document(mut self) -> Result<Self, Kind> {
        let document = self.document().await?;
        self.pieces = stream::iter([Ok(document)]).boxed();
        Ok(self)
    }

    /// All of a body that is a document.
    pub(crate) async fn document(&mut self) -> Result<Bytes, Kind> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.piece().await {
            let piece = piece.map_err(Kind::NoAnswer)?;
            if all.len() + piece.len() > LONGEST_DOCUMENT {
                return Err(Kind::TooLong { expected: LONGEST_DOCUMENT as u64 });
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
