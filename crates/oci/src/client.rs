//! One registry: its requests, signed in as it wants it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};

use super::authorization::{Access, Authorization};
use super::credentials::Credentials;
use super::endpoint;
use super::error::{Kind, RegistryError};
use super::transport::{Answer, Clients, Limits, Place, Transport, no_answer, refused};
use crate::Repository;

/// How many times as long as a registry may say nothing may a request take that is about no blob.
const DEADLINE: u32 = 3;
/// How often an answer may lead elsewhere.
const REDIRECTS: usize = 5;

/// How registries are spoken to.
pub struct Connection {
    /// Hosts that speak plain HTTP. Loopback addresses do, too.
    pub plain_http: BTreeSet<String>,
    /// Who asks.
    pub credentials: Credentials,
    /// How many requests, and how fast.
    pub limits: Limits,
    /// How long a registry may say nothing.
    pub patience: Duration,
}

/// All registries that are spoken to.
pub struct Registries {
    clients: Clients,
    /// For registries that speak plain HTTP: a proxy would read their credentials.
    direct: Clients,
    plain_http: BTreeSet<String>,
    credentials: Arc<Credentials>,
    limits: Limits,
    deadline: Duration,
    known: Mutex<HashMap<String, Arc<Registry>>>,
}

impl Registries {
    /// Prepares to speak to registries. Nothing is sent yet.
    ///
    /// # Errors
    /// If the system's certificate authorities cannot be read, say.
    pub fn new(connection: Connection) -> Result<Self, reqwest::Error> {
        // An error means that a library was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Connection { plain_http, credentials, limits, patience } = connection;
        let client = |is_direct: bool, policy: Policy| {
            let builder = Client::builder()
                .user_agent(concat!("local-registry-promote/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(patience.min(Duration::from_secs(10)))
                .read_timeout(patience)
                .pool_max_idle_per_host(limits.at_once)
                .redirect(policy);
            if is_direct { builder.no_proxy() } else { builder }.build()
        };
        let clients = |is_direct| {
            let reading = client(is_direct, Policy::custom(redirect))?;
            Ok::<_, reqwest::Error>(Clients { reading, writing: client(is_direct, Policy::none())? })
        };
        Ok(Self {
            clients: clients(false)?,
            direct: clients(true)?,
            plain_http,
            credentials: Arc::new(credentials),
            limits,
            deadline: patience * DEADLINE,
            known: Mutex::default(),
        })
    }

    /// The registry of a repository.
    ///
    /// # Errors
    /// A [`RegistryError`] if its host cannot be part of a URL.
    pub fn of(&self, repository: &Repository) -> Result<Arc<Registry>, RegistryError> {
        let host = repository.host();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = known.get(host) {
            return Ok(Arc::clone(registry));
        }
        let base = endpoint::base(host, &self.plain_http).ok_or_else(|| RegistryError::of_host(host))?;
        let clients = if base.scheme() == "http" { &self.direct } else { &self.clients };
        let registry = Arc::new(Registry {
            host: host.to_owned(),
            transport: Transport::new(clients.clone(), base, self.deadline, self.limits),
            authorization: Authorization::new(host, Arc::clone(&self.credentials)),
            without_referrers: Mutex::default(),
        });
        known.insert(host.to_owned(), Arc::clone(&registry));
        Ok(registry)
    }

    /// How many requests were sent to each registry.
    #[must_use]
    pub fn sent(&self) -> BTreeMap<String, u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(host, registry)| (host.clone(), registry.transport.sent())).collect()
    }
}

/// Follows an answer elsewhere, but never to where the way is not encrypted any more. reqwest takes credentials along only
/// to the same host and port.
fn redirect(attempt: Attempt<'_>) -> Action {
    let was_encrypted = attempt.previous().iter().any(|url| url.scheme() == "https");
    if was_encrypted && attempt.url().scheme() != "https" {
        return attempt.error("the answer leads to where the way is not encrypted");
    }
    if attempt.previous().len() > REDIRECTS {
        return attempt.error("the answer leads elsewhere too often");
    }
    attempt.follow()
}

/// One registry.
pub struct Registry {
    pub(super) host: String,
    pub(super) transport: Transport,
    authorization: Authorization,
    /// Repositories that are known not to have the API of referrers. One says nothing about another: there may be several
    /// registries behind a host.
    pub(super) without_referrers: Mutex<HashSet<String>>,
}

/// A request, but for its headers and its body.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) access: Access,
    pub(super) place: Place,
    pub(super) length: Length,
}

/// How much a request or its answer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Short,
    /// A blob, which may take hours.
    Blob,
}

impl Call {
    pub(super) fn failed(&self, kind: Kind) -> RegistryError {
        RegistryError::new(&self.method, &self.url, kind)
    }
}

impl Registry {
    /// The request of a method to a repository's part of the API.
    pub(super) fn call(&self, method: Method, repository: &Repository, rest: &str) -> Call {
        let path = self.path(repository);
        let mut url = self.transport.base().clone();
        url.set_path(&format!("v2/{path}/{rest}"));
        let is_read = matches!(method, Method::GET | Method::HEAD);
        let access = if is_read { Access::pull(&path) } else { Access::push(&path) };
        Call { method, url, access, place: Place::Request, length: Length::Short }
    }

    /// The path of a repository in the API.
    pub(super) fn path(&self, repository: &Repository) -> String {
        endpoint::path(&self.host, repository.path())
    }

    /// Sends a request, and once more if the registry asks who is there. The answer may be an error of the client.
    pub(super) async fn send(
        &self,
        call: &Call,
        prepare: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, RegistryError> {
        let answer = self.send_once(call, &prepare).await?;
        if !self.asks_who_is_there(call, &answer)? {
            return Ok(answer);
        }
        drop(answer);
        self.send_once(call, prepare).await
    }

    /// Sends a request once: its body may be a stream, which cannot be sent again.
    pub(super) async fn send_once(
        &self,
        call: &Call,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, RegistryError> {
        let request = match call.length {
            Length::Short => self.transport.short_request(&call.method, &call.url),
            Length::Blob => self.transport.request(&call.method, &call.url),
        };
        let request = prepare(request);
        let mut request = request.build().map_err(|error| no_answer(&call.method, &call.url, error))?;
        if self.transport.is_own(&call.url)
            && let Some(header) = self.authorization.header(&call.access, &self.transport).await?
        {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        self.transport.send(request, call.place).await
    }

    /// Whether an answer is the registry's question for credentials. Then it is known how to answer it.
    pub(super) fn asks_who_is_there(&self, call: &Call, answer: &Answer) -> Result<bool, RegistryError> {
        let response = &answer.response;
        let asks = response.status() == StatusCode::UNAUTHORIZED && self.transport.is_own(response.url());
        if asks {
            self.authorization.learn(response.headers(), &call.access, &call.method, &call.url)?;
        }
        Ok(asks)
    }

    /// The answer, if it is a success; `None` if there is no such thing.
    pub(super) async fn found(&self, call: &Call, answer: Answer) -> Result<Option<Answer>, RegistryError> {
        match answer.response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.succeeded(call, answer).await.map(Some),
        }
    }

    /// The answer, if it is a success.
    pub(super) async fn succeeded(&self, call: &Call, answer: Answer) -> Result<Answer, RegistryError> {
        if answer.response.status().is_success() {
            return Ok(answer);
        }
        Err(refused(&call.method, &call.url, answer.response).await)
    }
}
