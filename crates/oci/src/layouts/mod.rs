//! Repositories in folders, instead of in a registry: an image layout of the OCI for each of them.
//!
//! A [`Transport`] that answers as a registry does, with the API of uploads, manifests and tags, but without that of referrers.
//! So whoever copies between registries copies to and from folders, which go where no network does.

mod layout;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use local_registry_core::{Digest, Tag};

use self::layout::{Layout, LayoutError, Pieces};
use crate::exchange::error::RegistryError;
use crate::exchange::request::{Body, Request};
use crate::exchange::response::Response;
use crate::exchange::transport::Transport;

/// The header with the digest of a manifest.
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The layouts of one registry's repositories.
pub(crate) struct Layouts {
    folder: PathBuf,
    /// By the repository's path. One at a time changes what a layout lists.
    known: Mutex<HashMap<String, Arc<Layout>>>,
}

/// What is asked for.
enum Route<'r> {
    Manifest(&'r str),
    Blob(&'r str),
    Upload,
    Tags,
    /// No layout has it.
    Other,
}

impl Layouts {
    /// Those of a host, below a folder: `FOLDER/HOST/PATH`, with `_` for the colon before a port, which not every file system
    /// has in names, and no host.
    pub(crate) fn new(folder: &Path, host: &str) -> Self {
        Self { folder: folder.join(host.replace(':', "_")), known: Mutex::default() }
    }

    fn layout(&self, path: &str) -> Arc<Layout> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let layout = known.entry(path.to_owned()).or_insert_with(|| Arc::new(Layout::new(self.folder.join(path))));
        Arc::clone(layout)
    }

    async fn answer(&self, request: Request) -> Result<Answer, LayoutError> {
        let (path, query) = (request.url.path().to_owned(), request.url.query().unwrap_or_default().to_owned());
        let (repository, route) = route(&path);
        let layout = self.layout(repository);
        let parameter = |name: &str| query.split('&').find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
        let is_head = request.method == Method::HEAD;
        match (request.method.clone(), route) {
            (Method::GET | Method::HEAD, Route::Manifest(reference)) => {
                let Some((digest, media_type, bytes)) = layout.manifest(reference)? else {
                    return Ok(Answer::absent());
                };
                let answer = Answer::new(StatusCode::OK).header(DIGEST, digest.as_str());
                Ok(answer.header(CONTENT_TYPE, &media_type).body(is_head, bytes))
            }
            (Method::PUT, Route::Manifest(reference)) => {
                let media_type = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let media_type = media_type.unwrap_or_default().to_owned();
                let bytes = request.into_bytes().await.map_err(LayoutError::Input)?;
                let digest = layout.put_manifest(reference, &media_type, &bytes)?;
                Ok(Answer::new(StatusCode::CREATED).header(DIGEST, digest.as_str()))
            }
            (Method::GET | Method::HEAD, Route::Blob(digest)) => {
                let Some((size, pieces)) =
                    digest.parse().ok().map(|digest| layout.blob(&digest)).transpose()?.flatten()
                else {
                    return Ok(Answer::absent());
                };
                let answer = Answer::new(StatusCode::OK).header(CONTENT_LENGTH, &size.to_string());
                Ok(if is_head { answer } else { Answer { pieces, ..answer } })
            }
            (Method::POST, Route::Upload) => {
                let mounted = parameter("mount").and_then(|digest| digest.parse::<Digest>().ok());
                if let Some((digest, from)) = mounted.zip(parameter("from"))
                    && layout.mount(&digest, &self.layout(from))?
                {
                    return Ok(Answer::new(StatusCode::CREATED));
                }
                Ok(Answer::new(StatusCode::ACCEPTED).header(LOCATION, &format!("{path}upload")))
            }
            (Method::PUT, Route::Upload) => {
                let Some(digest) = parameter("digest").and_then(|digest| digest.parse().ok()) else {
                    return Ok(Answer::new(StatusCode::BAD_REQUEST));
                };
                let pieces = match request.body {
                    Body::Bytes(bytes) => stream::iter([Ok(bytes)]).boxed(),
                    Body::Stream(pieces) => pieces,
                };
                layout.put_blob(&digest, pieces).await?;
                Ok(Answer::new(StatusCode::CREATED))
            }
            (Method::GET, Route::Tags) => {
                let tags: Vec<Tag> = layout.tags()?;
                let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
                Ok(Answer::new(StatusCode::OK).body(false, serde_json::json!({ "tags": tags }).to_string().into()))
            }
            _ => Ok(Answer::absent()),
        }
    }
}

impl Transport for Layouts {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            let url = request.url.clone();
            // A folder that cannot be read or written has failed, and has not refused anything.
            let failed = |error: LayoutError| {
                Answer::new(StatusCode::INSUFFICIENT_STORAGE).body(false, error.to_string().into())
            };
            let answer = self.answer(request).await.unwrap_or_else(failed);
            let Answer { status, headers, pieces } = answer;
            Ok(Response::new(status, url, headers, pieces))
        })
    }
}

/// The repository, and what of it.
fn route(path: &str) -> (&str, Route<'_>) {
    let path = path.strip_prefix("/v2/").unwrap_or(path);
    if let Some(repository) = path.strip_suffix("/tags/list") {
        return (repository, Route::Tags);
    }
    if let Some((repository, _)) = path.split_once("/blobs/uploads/") {
        return (repository, Route::Upload);
    }
    if let Some((repository, digest)) = path.rsplit_once("/blobs/") {
        return (repository, Route::Blob(digest));
    }
    match path.rsplit_once("/manifests/") {
        Some((repository, reference)) => (repository, Route::Manifest(reference)),
        None => (path, Route::Other),
    }
}

/// An answer to be.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pieces: Pieces,
}

impl Answer {
    fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), pieces: stream::empty().boxed() }
    }

    fn absent() -> Self {
        Self::new(StatusCode::NOT_FOUND)
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    fn body(self, is_head: bool, bytes: Bytes) -> Self {
        if is_head { self } else { Self { pieces: stream::iter([Ok(bytes)]).boxed(), ..self } }
    }
}
