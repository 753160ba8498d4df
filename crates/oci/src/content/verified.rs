//! A blob on its way. Its last piece waits until size and digest are right, so that no other blob ever arrives whole.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use tokio::time::{Instant, timeout};

use super::blob::Blob;
use super::hasher::Hasher;
use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::RequestLine;
use crate::exchange::response::Response;
use crate::pace::rate::Rate;

/// What went wrong while a blob was read. Whoever writes it only learns that it ended early.
#[derive(Clone, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<RegistryError>>>);

impl Fault {
    pub(crate) fn take(&self) -> Option<RegistryError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: RegistryError) -> std::io::Error {
        let text = error.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        std::io::Error::other(text)
    }
}

/// The state of a blob that is read.
struct BlobReader {
    line: RequestLine,
    response: Response,
    blob: Blob,
    read: u64,
    rate: Rate,
    /// `None` once the digest was computed.
    hasher: Option<Hasher>,
    held: Option<Bytes>,
}

/// The pieces of a blob. `seen` is called with the length of each piece that was read.
pub(crate) fn pieces(
    line: RequestLine,
    response: Response,
    blob: Blob,
    fault: Fault,
    seen: impl Fn(u64) + Clone + Send + Sync + 'static,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let rate = Rate::new(blob.size);
    let reader = BlobReader { line, response, blob, read: 0, rate, hasher: Some(Hasher::default()), held: None };
    try_unfold(reader, move |mut reader| {
        let (fault, seen) = (fault.clone(), seen.clone());
        async move {
            let piece = reader.next(seen).await.map_err(|error| fault.set(error))?;
            Ok(piece.map(|piece| (piece, reader)))
        }
    })
}

impl BlobReader {
    async fn next(&mut self, seen: impl Fn(u64)) -> Result<Option<Bytes>, RegistryError> {
        // Whatever has ended must not be asked again.
        if self.hasher.is_none() {
            return Ok(None);
        }
        loop {
            let asked = Instant::now();
            let piece = match timeout(self.rate.patience(), self.response.piece()).await {
                Ok(None) => return self.end(),
                Ok(Some(piece)) => Some(piece.map_err(|reason| self.line.failed(Kind::NoAnswer(reason)))?),
                Err(_) => None,
            };
            let length = piece.as_ref().map_or(0, |piece| piece.len() as u64);
            self.rate.add(asked.elapsed(), length).map_err(|kind| self.line.failed(kind))?;
            let Some(piece) = piece else { continue };
            self.read += piece.len() as u64;
            if self.read > self.blob.size {
                return Err(self.line.failed(Kind::TooLong { expected: self.blob.size }));
            }
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&piece);
            }
            seen(piece.len() as u64);
            if let Some(before) = self.held.replace(piece) {
                return Ok(Some(before));
            }
        }
    }

    fn end(&mut self) -> Result<Option<Bytes>, RegistryError> {
        let Some(hasher) = self.hasher.take() else { return Ok(None) };
        if self.read < self.blob.size {
            return Err(self.line.failed(Kind::CutOff { found: self.read, expected: self.blob.size }));
        }
        let found = hasher.finish();
        if found != self.blob.digest {
            return Err(self.line.failed(Kind::WrongDigest { found, expected: self.blob.digest.clone() }));
        }
        Ok(self.held.take())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{StreamExt, TryStreamExt, iter, pending, unfold};
    use http::{HeaderMap, Method, StatusCode};

    use super::*;
    use crate::content::hasher::digest_of;

    #[tokio::test(start_paused = true)]
    async fn a_blob_that_does_not_go_on_is_refused_within_a_minute() {
        let blob = Blob { digest: digest_of(b"two bytes"), size: 9 };
        let url: http::Uri = "https://registry.example/v2/app/blobs/x".parse().unwrap();
        let first = iter([Ok(Bytes::from_static(b"t"))]).chain(pending());
        let response = Response::new(StatusCode::OK, url.clone(), HeaderMap::new(), first);
        let (fault, start) = (Fault::default(), Instant::now());
        let read = pieces(RequestLine::new(Method::GET, url), response, blob, fault.clone(), |_| {});
        assert!(read.try_collect::<Vec<_>>().await.is_err());
        let expected = "GET https://registry.example/v2/app/blobs/x: the blob is too slow: 1 bytes came in 60 s, and 8192 a second are the least";
        assert_eq!((start.elapsed().as_secs(), fault.take().unwrap().to_string().as_str()), (60, expected));
    }

    #[tokio::test]
    async fn a_response_that_has_ended_is_not_asked_again() {
        let blob = Blob { digest: digest_of(b"bytes"), size: 5 };
        let url: http::Uri = "https://registry.example/v2/app/blobs/x".parse().unwrap();
        // It panics when it is asked once more.
        let once = unfold(Some(Bytes::from_static(b"bytes")), async |piece| Some((Ok(piece?), None)));
        let response = Response::new(StatusCode::OK, url.clone(), HeaderMap::new(), once);
        let read = pieces(RequestLine::new(Method::GET, url), response, blob, Fault::default(), |_| {});
        assert_eq!(read.try_collect::<Vec<_>>().await.unwrap().concat(), b"bytes");
    }
}
