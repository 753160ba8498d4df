//! A blob on its way. Its last piece waits until size and digest are right, so that no other blob ever arrives whole.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use reqwest::Response;
use tokio::sync::OwnedSemaphorePermit;

use super::client::Call;
use super::error::{Kind, RegistryError};
use super::transport::{Answer, no_answer};
use crate::Hasher;
use local_registry_core::Digest;

/// What went wrong while a blob was read. Whoever writes it only learns that it ended early.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<RegistryError>>>);

impl Fault {
    pub(super) fn take(&self) -> Option<RegistryError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: RegistryError) -> std::io::Error {
        let text = error.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        std::io::Error::other(text)
    }
}

/// The state of a blob that is read.
struct Reading {
    call: Call,
    response: Response,
    /// Its place is taken until all of it was read.
    _place: OwnedSemaphorePermit,
    size: u64,
    digest: Digest,
    read: u64,
    /// `None` once the digest was computed.
    hasher: Option<Hasher>,
    held: Option<Bytes>,
}

/// The pieces of a blob of this size and digest. What was read is told to `seen`.
pub(super) fn pieces(
    call: Call,
    answer: Answer,
    (size, digest): (u64, Digest),
    fault: Fault,
    seen: impl Fn(u64) + Clone + Send + Sync + 'static,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let Answer { response, place } = answer;
    let reading =
        Reading { call, response, _place: place, size, digest, read: 0, hasher: Some(Hasher::default()), held: None };
    try_unfold(reading, move |mut reading| {
        let (fault, seen) = (fault.clone(), seen.clone());
        async move {
            let piece = reading.next(seen).await.map_err(|error| fault.set(error))?;
            Ok(piece.map(|piece| (piece, reading)))
        }
    })
}

impl Reading {
    async fn next(&mut self, seen: impl Fn(u64)) -> Result<Option<Bytes>, RegistryError> {
        loop {
            let piece = self.response.chunk().await;
            let Some(piece) = piece.map_err(|error| no_answer(&self.call.method, &self.call.url, error))? else {
                return self.end();
            };
            self.read += piece.len() as u64;
            if self.read > self.size {
                return Err(self.call.failed(Kind::TooLong { expected: self.size }));
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
        if self.read < self.size {
            return Err(self.call.failed(Kind::CutOff { found: self.read, expected: self.size }));
        }
        let found = hasher.finish();
        if found != self.digest {
            return Err(self.call.failed(Kind::WrongDigest { found, expected: self.digest.clone() }));
        }
        Ok(self.held.take())
    }
}
