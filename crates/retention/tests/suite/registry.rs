//! A registry for tests. It gives lists in short pages, and refuses what a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use local_registry_oci::{RegistryError, Request, Response, Transport, digest_of};
use serde_json::{Value, json};

/// How many names are on a page.
const PAGE: usize = 2;

/// How the registry deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletes {
    Everything,
    /// No tag without its image.
    Digests,
    /// Whoever deletes a tag deletes its image, too.
    ImagesWithTags,
    Nothing,
}

type Hook = Box<dyn FnMut(&mut Store, &str) -> Option<(u16, String)> + Send>;

/// What the registry has, and what it was asked.
pub(crate) struct Store {
    /// By repository and digest.
    pub(crate) manifests: BTreeMap<(String, String), Bytes>,
    pub(crate) blobs: BTreeMap<(String, String), Bytes>,
    /// By repository and tag.
    pub(crate) tags: BTreeMap<(String, String), String>,
    pub(crate) asked: Vec<String>,
    pub(crate) deletes: Deletes,
}

/// A registry, which all of its clones share.
#[derive(Clone)]
pub(crate) struct StandIn {
    store: Arc<Mutex<Store>>,
    hook: Arc<Mutex<Hook>>,
}

impl Default for StandIn {
    fn default() -> Self {
        let store = Store {
            manifests: BTreeMap::new(),
            blobs: BTreeMap::new(),
            tags: BTreeMap::new(),
            asked: Vec::new(),
            deletes: Deletes::Everything,
        };
        Self { store: Arc::new(Mutex::new(store)), hook: Arc::new(Mutex::new(Box::new(|_, _| None))) }
    }
}

impl StandIn {
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    /// Before each request, this may change what the registry has, or answer in its place. It gets the method and the path.
    pub(crate) fn hook(&self, hook: impl FnMut(&mut Store, &str) -> Option<(u16, String)> + Send + 'static) {
        *self.hook.lock().unwrap() = Box::new(hook);
    }

    /// The tags of a repository, in their order.
    pub(crate) fn tags(&self, repository: &str) -> Vec<String> {
        let store = self.store();
        store.tags.keys().filter(|(found, _)| found == repository).map(|(_, tag)| tag.clone()).collect()
    }

    /// What was asked, by these methods.
    pub(crate) fn asked(&self, method: &str) -> Vec<String> {
        let store = self.store();
        store.asked.iter().filter(|line| line.starts_with(&format!("{method} "))).cloned().collect()
    }
}

impl Store {
    pub(crate) fn put(&mut self, repository: &str, tag: Option<&str>, manifest: &Value) -> String {
        let bytes = Bytes::from(manifest.to_string());
        let digest = digest_of(&bytes).to_string();
        self.manifests.insert((repository.to_owned(), digest.clone()), bytes);
        if let Some(tag) = tag {
            self.tags.insert((repository.to_owned(), tag.to_owned()), digest.clone());
        }
        digest
    }

    pub(crate) fn put_blob(&mut self, repository: &str, text: String) -> Value {
        let bytes = Bytes::from(text);
        let digest = digest_of(&bytes).to_string();
        let descriptor = json!({
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": bytes.len(),
        });
        self.blobs.insert((repository.to_owned(), digest), bytes);
        descriptor
    }

    fn page(names: Vec<&String>, key: &str, path: &str, query: &str) -> (u16, HeaderMap, Bytes) {
        let last = query.split('&').find_map(|part| part.strip_prefix("last="));
        let rest: Vec<_> = names.into_iter().filter(|name| last.is_none_or(|last| name.as_str() > last)).collect();
        let mut headers = HeaderMap::new();
        if let Some(last) = rest.get(PAGE - 1).filter(|_| rest.len() > PAGE) {
            let link = format!("<{path}?n={PAGE}&last={last}>; rel=\"next\"");
            headers.insert("link", HeaderValue::from_str(&link).unwrap());
        }
        let page: Vec<_> = rest.into_iter().take(PAGE).collect();
        (200, headers, json!({key: page}).to_string().into())
    }

    fn answer(&mut self, method: &Method, path: &str, query: &str) -> (u16, HeaderMap, Bytes) {
        let unknown = |code: &str| {
            let body = json!({"errors": [{"code": code, "message": "unknown"}]}).to_string();
            (404, HeaderMap::new(), Bytes::from(body))
        };
        let rest = path.strip_prefix("/v2/").unwrap();
        if rest == "_catalog" {
            let mut names: Vec<&String> = self.tags.keys().map(|(repository, _)| repository).collect();
            names.dedup();
            return Self::page(names, "repositories", path, query);
        }
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            let names: Vec<_> = self.tags.keys().filter(|(found, _)| found == repository).map(|(_, tag)| tag).collect();
            return if names.is_empty() { unknown("NAME_UNKNOWN") } else { Self::page(names, "tags", path, query) };
        }
        if let Some((repository, digest)) = rest.split_once("/blobs/") {
            return match self.blobs.get(&(repository.to_owned(), digest.to_owned())) {
                Some(bytes) => (200, HeaderMap::new(), bytes.clone()),
                None => unknown("BLOB_UNKNOWN"),
            };
        }
        let (repository, reference) = rest.split_once("/manifests/").unwrap();
        let is_digest = reference.starts_with("sha256:");
        let key = (repository.to_owned(), reference.to_owned());
        let digest = if is_digest { Some(reference.to_owned()) } else { self.tags.get(&key).cloned() };
        let found = digest.and_then(|digest| {
            let bytes = self.manifests.get(&(repository.to_owned(), digest.clone()))?.clone();
            Some((digest, bytes))
        });
        if *method == Method::DELETE {
            let refused = match self.deletes {
                Deletes::Nothing => true,
                Deletes::Digests => !is_digest,
                Deletes::Everything | Deletes::ImagesWithTags => false,
            };
            if refused {
                let body = json!({"errors": [{"code": "UNSUPPORTED", "message": "The operation is unsupported."}]});
                return (405, HeaderMap::new(), body.to_string().into());
            }
        }
        let Some((digest, bytes)) = found else { return unknown("MANIFEST_UNKNOWN") };
        match *method {
            Method::DELETE if is_digest || self.deletes == Deletes::ImagesWithTags => {
                self.manifests.remove(&(repository.to_owned(), digest.clone()));
                self.tags.retain(|(found, _), named| found != repository || *named != digest);
                (202, HeaderMap::new(), Bytes::new())
            }
            Method::DELETE => {
                self.tags.remove(&key);
                (202, HeaderMap::new(), Bytes::new())
            }
            _ => {
                let digest = HeaderValue::from_str(&digest).unwrap();
                let body = if *method == Method::HEAD { Bytes::new() } else { bytes };
                (200, HeaderMap::from_iter([("docker-content-digest".parse().unwrap(), digest)]), body)
            }
        }
    }
}

impl Transport for StandIn {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            // Others that send at the same time do so before anybody has an answer.
            tokio::task::yield_now().await;
            let (method, path) = (request.method.clone(), request.url.path().to_owned());
            let line = format!("{method} {path}");
            let mut store = self.store.lock().unwrap();
            let answered = (self.hook.lock().unwrap())(&mut store, &line);
            store.asked.push(line);
            let (status, headers, body) = match answered {
                Some((status, body)) => (status, HeaderMap::new(), Bytes::from(body)),
                None => store.answer(&method, &path, request.url.query().unwrap_or_default()),
            };
            let status = StatusCode::from_u16(status).unwrap();
            Ok(Response::new(status, request.url, headers, stream::iter([Ok(body)])))
        })
    }
}
