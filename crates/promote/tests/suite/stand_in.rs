//! A registry for tests. As strict as the real ones: it refuses what is not complete, and counts what it is asked.
//!
//! A test may have it misbehave, by an action for each request.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

/// The user that tests sign in as, and the password.
pub(crate) const USER: &str = "promoter";
pub(crate) const PASSWORD: &str = "s3cret-pass";

/// What the registry has, how it is, and what it was asked.
#[derive(Default)]
pub(crate) struct Store {
    /// By repository and digest.
    pub(crate) blobs: BTreeMap<(String, String), Bytes>,
    /// Type and bytes, by repository and digest.
    pub(crate) manifests: BTreeMap<(String, String), (String, Bytes)>,
    /// Digests, by repository and tag.
    pub(crate) tags: BTreeMap<(String, String), String>,
    uploads: usize,
    pub(crate) asked: Vec<Asked>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
}

/// What the registry does with a request.
#[derive(Clone)]
pub(crate) enum Action {
    /// What it should.
    Serve,
    /// Answers with this status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Closes the connection.
    Close,
    /// Never answers.
    Hang,
    /// Sends the first byte of the body, and never another one.
    Drip,
    /// Sends half of the body, and closes the connection.
    CutOff,
    /// Sends something else of the same length.
    Lie,
    /// Answers without this header.
    Without(&'static str),
    /// Does what it should, and then answers as if it had not.
    Forget(u16),
}

/// How a registry wants to be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    No,
    Basic,
    /// By tokens, one for each repository.
    Token,
    /// The same, but only whoever may push to a repository that is not there yet is told so (Quay).
    Creator,
}

type Hook = Arc<dyn Fn(&Asked, usize) -> Action + Send + Sync>;

/// How a registry is.
#[derive(Clone)]
pub(crate) struct Kind {
    /// Whether it has the API of referrers, and how many of them are on a page.
    pub(crate) referrers: Option<usize>,
    pub(crate) sign_in: SignIn,
    /// What it does with a request, and with how many it had before.
    pub(crate) hook: Hook,
}

impl Default for Kind {
    fn default() -> Self {
        Self { referrers: None, sign_in: SignIn::No, hook: Arc::new(|_, _| Action::Serve) }
    }
}

impl Kind {
    pub(crate) fn hooked(hook: impl Fn(&Asked, usize) -> Action + Send + Sync + 'static) -> Self {
        Self { hook: Arc::new(hook), ..Self::default() }
    }
}

/// A registry that listens on loopback until the test ends.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    store: Arc<Mutex<Store>>,
}

type Body = BoxBody<Bytes, io::Error>;

impl StandIn {
    pub(crate) fn start(kind: Kind) -> Self {
        let store = Arc::new(Mutex::new(Store::default()));
        let (send, receive) = std::sync::mpsc::channel();
        let shared = Arc::clone(&store);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                send.send(address).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (store, kind) = (Arc::clone(&shared), kind.clone());
                    let service = service_fn(move |request| answer(request, Arc::clone(&store), kind.clone(), address));
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        Self { address: receive.recv().unwrap(), store }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    /// Everything that it has: blobs, manifests, tags.
    pub(crate) fn contents(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let store = self.store();
        (store.blobs.clone(), store.manifests.clone(), store.tags.clone())
    }

    /// How many requests had this method, with a path that has this text.
    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        self.store().asked.iter().filter(|asked| asked.method == method && asked.path.contains(part)).count()
    }

    pub(crate) fn forget_requests(&self) {
        self.store().asked.clear();
    }

    /// Stores a blob, and describes it.
    pub(crate) fn blob(&self, repository: &str, media_type: &str, bytes: &[u8]) -> Value {
        let digest = local_registry_oci::digest_of(bytes).to_string();
        self.store().blobs.insert((repository.to_owned(), digest.clone()), Bytes::copy_from_slice(bytes));
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Stores a manifest, and describes it.
    pub(crate) fn manifest(&self, repository: &str, tag: Option<&str>, manifest: &Value) -> Value {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let media_type = manifest["mediaType"].as_str().unwrap().to_owned();
        let digest = local_registry_oci::digest_of(&bytes).to_string();
        let mut store = self.store();
        let size = bytes.len();
        store.manifests.insert((repository.to_owned(), digest.clone()), (media_type.clone(), bytes.into()));
        if let Some(tag) = tag {
            store.tags.insert((repository.to_owned(), tag.to_owned()), digest.clone());
        }
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }
}

fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed()
}

fn reply(status: u16, headers: &[(&str, &str)], bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body(bytes)).unwrap()
}

fn refuse(status: u16, code: &str, message: &str) -> Response<Body> {
    reply(status, &[], json!({"errors": [{"code": code, "message": message}]}).to_string())
}

async fn answer(
    request: Request<Incoming>,
    store: Arc<Mutex<Store>>,
    kind: Kind,
    address: SocketAddr,
) -> Result<Response<Body>, io::Error> {
    let authorization = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        authorization,
    };
    let before = {
        let mut store = store.lock().unwrap();
        store.asked.push(asked.clone());
        store.asked.len() - 1
    };
    let action = (kind.hook)(&asked, before);
    match &action {
        Action::Hang => std::future::pending().await,
        Action::Close => return Err(io::Error::other("closed on purpose")),
        Action::Answer(status, headers, text) => {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            return Ok(reply(*status, &headers, text.clone()));
        }
        _ => {}
    }
    let media_type = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
    let sent = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let response = if asked.path == "/token" {
        token(&asked)
    } else if let Some(refusal) = refusal(&asked, &kind, address, &store.lock().unwrap()) {
        refusal
    } else {
        serve(&asked, media_type, sent, &mut store.lock().unwrap(), &kind)
    };
    Ok(match action {
        Action::CutOff => halved(response).await,
        Action::Drip => dripped(response).await,
        Action::Lie => other(response).await,
        Action::Without(name) => {
            let mut response = response;
            response.headers_mut().remove(HeaderName::from_static(name));
            response
        }
        Action::Forget(status) => refuse(status, "UNAVAILABLE", "come again"),
        _ => response,
    })
}

async fn halved(response: Response<Body>) -> Response<Body> {
    let (mut parts, whole) = response.into_parts();
    let whole = whole.collect().await.unwrap().to_bytes();
    parts.headers.insert("content-length", whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    let pieces = [Ok(Frame::data(half)), Err(io::Error::other("cut off on purpose"))];
    Response::from_parts(parts, BodyExt::boxed(StreamBody::new(futures_util::stream::iter(pieces))))
}

async fn dripped(response: Response<Body>) -> Response<Body> {
    let (mut parts, whole) = response.into_parts();
    let whole = whole.collect().await.unwrap().to_bytes();
    parts.headers.insert("content-length", whole.len().into());
    let first = futures_util::stream::iter([Ok(Frame::data(whole.slice(..1)))]);
    Response::from_parts(parts, BodyExt::boxed(StreamBody::new(first.chain(futures_util::stream::pending()))))
}

async fn other(response: Response<Body>) -> Response<Body> {
    let (parts, whole) = response.into_parts();
    let mut whole = whole.collect().await.unwrap().to_bytes().to_vec();
    // Manifests stay JSON: an innocent space would do for an attacker.
    if parts.headers.contains_key("docker-content-digest") {
        whole.insert(1, b' ');
    } else if let Some(last) = whole.last_mut() {
        *last ^= 1;
    }
    Response::from_parts(parts, body(whole))
}

fn basic() -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

/// Tokens say what they are for.
fn token(asked: &Asked) -> Response<Body> {
    if asked.authorization.as_ref() != Some(&basic()) {
        return refuse(401, "UNAUTHORIZED", &format!("not you: {:?}", asked.authorization));
    }
    let scopes: Vec<String> = asked
        .query
        .split('&')
        .filter_map(|parameter| parameter.strip_prefix("scope="))
        .map(|scope| scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ","))
        .collect();
    assert!(asked.query.contains("service=stand-in"), "{}", asked.query);
    reply(200, &[], json!({"token": scopes.join("~"), "expires_in": 300}).to_string())
}

/// The refusal of whoever has not signed in as it is wanted.
fn refusal(asked: &Asked, kind: &Kind, address: SocketAddr, store: &Store) -> Option<Response<Body>> {
    let (is_signed_in, challenge) = match kind.sign_in {
        SignIn::No => return None,
        SignIn::Basic => (asked.authorization.as_ref() == Some(&basic()), "Basic realm=\"x\"".to_owned()),
        SignIn::Token | SignIn::Creator => {
            let (repository, _, _) = route(&asked.path)?;
            let is_there = || store.manifests.keys().any(|(known, _)| *known == repository);
            let pulls =
                matches!(asked.method.as_str(), "GET" | "HEAD") && (kind.sign_in == SignIn::Token || is_there());
            let action = if pulls { "pull" } else { "push" };
            let from = asked.query.split('&').find_map(|parameter| parameter.strip_prefix("from="));
            let wanted: Vec<(String, &str)> = std::iter::once((repository, action))
                .chain(from.map(|from| (from.replace("%2F", "/"), "pull")))
                .collect();
            let held = asked.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer "));
            let scopes: Vec<&str> = held.unwrap_or_default().split('~').collect();
            let has = |(repository, action): &(String, &str)| {
                let scope = format!("repository:{repository}:");
                scopes
                    .iter()
                    .any(|one| one.strip_prefix(&scope).is_some_and(|list| list.split(',').any(|a| a == *action)))
            };
            let realm = format!("Bearer realm=\"http://{address}/token\",service=\"stand-in\",scope=\"x\"");
            (wanted.iter().all(has), realm)
        }
    };
    (!is_signed_in).then(|| {
        let mut refusal = refuse(401, "UNAUTHORIZED", &format!("you sent {:?}", asked.authorization));
        refusal.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
        refusal
    })
}

/// Repository, kind, and what of that kind.
fn route(path: &str) -> Option<(String, &'static str, String)> {
    let rest = path.strip_prefix("/v2/")?;
    for kind in ["/manifests/", "/blobs/uploads/", "/blobs/", "/referrers/", "/tags/"] {
        if let Some((repository, what)) = rest.split_once(kind) {
            return Some((repository.to_owned(), kind, what.to_owned()));
        }
    }
    None
}

fn parameter(asked: &Asked, name: &str) -> Option<String> {
    let found = asked.query.split('&').find_map(|one| one.strip_prefix(name)?.strip_prefix('='))?;
    Some(found.replace("%3A", ":").replace("%2F", "/"))
}

fn serve(asked: &Asked, media_type: Option<String>, sent: Bytes, store: &mut Store, kind: &Kind) -> Response<Body> {
    let Some((repository, what, name)) = route(&asked.path) else { return refuse(404, "UNSUPPORTED", "no such path") };
    let method: Method = asked.method.parse().unwrap();
    match (method, what) {
        (Method::GET | Method::HEAD, "/manifests/") => {
            let digest = store.tags.get(&(repository.clone(), name.clone())).cloned().unwrap_or(name);
            let Some((media_type, bytes)) = store.manifests.get(&(repository, digest.clone())) else {
                return refuse(404, "MANIFEST_UNKNOWN", "no such manifest");
            };
            let headers = [("content-type", media_type.as_str()), ("docker-content-digest", &digest)];
            reply(200, &headers, if asked.method == "HEAD" { Bytes::new() } else { bytes.clone() })
        }
        (Method::PUT, "/manifests/") => put_manifest(store, &repository, &name, media_type, sent, kind),
        (Method::GET | Method::HEAD, "/blobs/") => match store.blobs.get(&(repository, name)) {
            Some(bytes) if asked.method == "HEAD" => reply(200, &[("content-length", &bytes.len().to_string())], ""),
            Some(bytes) => reply(200, &[], bytes.clone()),
            None => refuse(404, "BLOB_UNKNOWN", "no such blob"),
        },
        (Method::POST, "/blobs/uploads/") => {
            if let (Some(digest), Some(from)) = (parameter(asked, "mount"), parameter(asked, "from"))
                && let Some(bytes) = store.blobs.get(&(from, digest.clone())).cloned()
            {
                store.blobs.insert((repository, digest), bytes);
                return reply(201, &[], "");
            }
            store.uploads += 1;
            let location = format!("/v2/{repository}/blobs/uploads/{}?state=secret-state", store.uploads);
            reply(202, &[("location", &location)], "")
        }
        (Method::PUT, "/blobs/uploads/") => {
            let digest = parameter(asked, "digest").unwrap();
            if local_registry_oci::digest_of(&sent).as_str() != digest || !asked.query.contains("state=secret-state") {
                return refuse(400, "DIGEST_INVALID", "these are other bytes");
            }
            store.blobs.insert((repository, digest), sent);
            reply(201, &[], "")
        }
        (Method::DELETE, "/blobs/uploads/") => reply(204, &[], ""),
        (Method::GET, "/referrers/") => referrers(asked, store, &repository, &name, kind),
        (Method::GET, "/tags/") => tags(asked, store, &repository),
        _ => refuse(405, "UNSUPPORTED", "no such method"),
    }
}

fn put_manifest(
    store: &mut Store,
    repository: &str,
    name: &str,
    media_type: Option<String>,
    sent: Bytes,
    kind: &Kind,
) -> Response<Body> {
    let manifest: Value = serde_json::from_slice(&sent).unwrap();
    let media_type = media_type.unwrap();
    if manifest.get("mediaType").is_some_and(|own| *own != media_type) {
        return refuse(400, "MANIFEST_INVALID", "its own type is another one");
    }
    let digest = local_registry_oci::digest_of(&sent).to_string();
    if name.starts_with("sha256:") && name != digest {
        return refuse(400, "DIGEST_INVALID", "this is another manifest");
    }
    let key = |one: &Value| (repository.to_owned(), one["digest"].as_str().unwrap().to_owned());
    let listed = |field: &str| manifest[field].as_array().cloned().unwrap_or_default();
    // Their owner offers them.
    let is_elsewhere = |layer: &Value| layer["urls"].as_array().is_some_and(|urls| !urls.is_empty());
    let layers = listed("layers").into_iter().filter(|layer| !is_elsewhere(layer));
    let blobs = layers.chain(manifest.get("config").cloned());
    if let Some(missing) = blobs.map(|blob| key(&blob)).find(|key| !store.blobs.contains_key(key)) {
        return refuse(400, "MANIFEST_BLOB_UNKNOWN", &missing.1);
    }
    let is_list_of_referrers = name.starts_with("sha256-");
    let missing = listed("manifests").iter().map(key).find(|key| !store.manifests.contains_key(key));
    if let Some(missing) = missing.filter(|_| !is_list_of_referrers) {
        return refuse(400, "MANIFEST_UNKNOWN", &missing.1);
    }
    store.manifests.insert((repository.to_owned(), digest.clone()), (media_type, sent));
    if !name.starts_with("sha256:") {
        store.tags.insert((repository.to_owned(), name.to_owned()), digest.clone());
    }
    let mut headers = vec![("docker-content-digest", digest.as_str())];
    let subject = manifest["subject"]["digest"].as_str();
    if let (Some(subject), Some(_)) = (subject, kind.referrers) {
        headers.push(("oci-subject", subject));
    }
    reply(201, &headers, "")
}

/// All tags, or two on a page for whoever asks for a number of them.
fn tags(asked: &Asked, store: &Store, repository: &str) -> Response<Body> {
    let last = parameter(asked, "last").unwrap_or_default();
    let own = store.tags.keys().filter(|(known, tag)| known == repository && *tag > last);
    let most = if asked.query.is_empty() { usize::MAX } else { 2 };
    let page: Vec<&str> = own.map(|(_, tag)| tag.as_str()).take(most).collect();
    if page.is_empty() && last.is_empty() {
        return refuse(404, "NAME_UNKNOWN", "no such repository");
    }
    let answer = json!({"name": repository, "tags": page}).to_string();
    match page.as_slice() {
        [_, end] if most == 2 => {
            reply(200, &[("link", &format!("</v2/{repository}/tags/list?last={end}>; rel=\"next\""))], answer)
        }
        _ => reply(200, &[], answer),
    }
}

fn referrers(asked: &Asked, store: &Store, repository: &str, subject: &str, kind: &Kind) -> Response<Body> {
    let Some(page_size) = kind.referrers else { return refuse(404, "UNSUPPORTED", "404 page not found") };
    let all: Vec<Value> = store
        .manifests
        .iter()
        .filter(|((found, _), _)| found == repository)
        .filter_map(|((_, digest), (media_type, bytes))| {
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            let is_referrer = manifest["subject"]["digest"] == subject;
            is_referrer.then(|| json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
        })
        .collect();
    let page: usize = parameter(asked, "page").map_or(0, |page| page.parse().unwrap());
    let shown: Vec<&Value> = all.iter().skip(page * page_size).take(page_size).collect();
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": shown
    });
    let next = format!("</v2/{repository}/referrers/{subject}?page={}>; rel=\"next\"", page + 1);
    let has_more = (page + 1) * page_size < all.len();
    let headers: &[(&str, &str)] = if has_more { &[("link", &next)] } else { &[] };
    reply(200, headers, index.to_string())
}
