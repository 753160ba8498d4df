//! The token server: who asks, what of that RBAC grants, and a token with it.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use local_registry_cluster::reviews::Identity;
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::Quoted;
use local_registry_core::text::with_causes;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::answer;
use crate::refusal::Refusal;
use crate::request::{Password, TokenRequest};
use crate::right::Right;
use crate::scope::{Action, Scope};
use crate::signing_key::SigningKey;
use crate::stored_key::{KeyFinder, SecretName};
use crate::token::Token;

/// How long the form of a POST may be, and how long its client may take to send it. A token with many groups in it has some ten
/// thousand bytes.
const BODY: usize = 32 * 1024;
const SENDING: Duration = Duration::from_secs(3);
/// How long a client waits for its answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// How many calls to the API server may be under way.
const CALLS: usize = 16;
/// How many calls to the API server somebody may cause in a second, and how many at once after a pause. A push takes three.
const RATE: NonZeroU32 = NonZeroU32::new(50).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(300).unwrap();
/// How often the key is looked for while there is none, and while there is one.
const WITHOUT_KEY: Duration = Duration::from_secs(3);
const WITH_KEY: Duration = Duration::from_secs(10);

/// The address of a client, as an extension of its request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What the token server is told.
#[derive(Debug, Clone)]
pub struct TokenTask {
    /// What clients call the registry: the `service` of its configuration.
    pub service: String,
    /// The audiences of the tokens that are accepted as passwords. The API server accepts a token for those that it was made for.
    pub audiences: Vec<String>,
    /// The Secret with the key.
    pub secret: SecretName,
}

/// What became of a request, for whoever counts.
#[derive(Debug)]
pub enum TokenEvent<'a> {
    /// A token was given.
    Given,
    /// This right was asked for, and RBAC does not give it to somebody whom the cluster knows.
    Missing(Right<'a>),
    /// The same for somebody who did not say who they are: they may ask for anything.
    MissingForAnonymous(Right<'a>),
    /// No token was given.
    Refused(&'a Refusal),
}

/// Gives out tokens.
///
/// ```no_run
/// use local_registry_cluster::Cluster;
/// use local_registry_tenants::{TokenServer, TokenTask};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let task = TokenTask {
///     service: "registry.local-registry.svc.cluster.local:5000".to_owned(),
///     audiences: vec!["local-registry".to_owned()],
///     secret: "local-registry/registry-token".parse()?,
/// };
/// let server = TokenServer::new(Cluster::new(kube::Client::try_default().await?), task, |event| println!("{event:?}"));
/// let routes = server.routes();
/// // Serve the routes, and meanwhile:
/// match server.keep_key(|has_key| println!("{has_key}")).await {}
/// # }
/// ```
#[derive(Clone)]
pub struct TokenServer(Arc<Inner>);

type Observer = Box<dyn Fn(&TokenEvent<'_>) + Send + Sync>;

struct Inner {
    cluster: Cluster,
    task: TokenTask,
    key: Mutex<Option<Arc<SigningKey>>>,
    rates: Rates,
    calls: Semaphore,
    observe: Observer,
}

type Rate<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// How many calls each of those who ask may cause. Addresses can be shared, by pods behind an Ingress for example. So those who say who
/// they are have a share of their own, which nobody else can use up.
struct Rates {
    /// Of an address, for requests without a password.
    anonymous: Rate<IpAddr>,
    /// Of an address, for judging passwords.
    passwords: Rate<IpAddr>,
    /// Of a user, for judging rights.
    users: Rate<String>,
}

impl Rates {
    fn new() -> Self {
        let quota = Quota::per_second(RATE).allow_burst(BURST);
        let (anonymous, passwords) = (RateLimiter::hashmap(quota), RateLimiter::hashmap(quota));
        Self { anonymous, passwords, users: RateLimiter::hashmap(quota) }
    }

    /// Takes so many calls from somebody's share.
    fn take<K: Hash + Eq + Clone>(rate: &Rate<K>, whose: &K, calls: usize) -> Result<(), Refusal> {
        let calls = u32::try_from(calls).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        // An error beside this one would say that there are more than fit into any share, which no request may ask for.
        if let Ok(Ok(())) = rate.check_key_n(whose, calls) { Ok(()) } else { Err(Refusal::too_many()) }
    }

    /// Forgets those who have not asked for a while.
    fn forget(&self) {
        self.anonymous.retain_recent();
        self.passwords.retain_recent();
        self.users.retain_recent();
    }
}

impl TokenServer {
    /// A server for this registry.
    pub fn new(cluster: Cluster, task: TokenTask, observe: impl Fn(&TokenEvent<'_>) + Send + Sync + 'static) -> Self {
        let (key, calls, observe) = (Mutex::default(), Semaphore::new(CALLS), Box::new(observe));
        Self(Arc::new(Inner { cluster, task, key, rates: Rates::new(), calls, observe }))
    }

    /// Reads the key of the Secret, or makes it, again and again, and says each time whether there is one. Without a key, every
    /// request is answered with 503.
    pub async fn keep_key(&self, mut say: impl FnMut(bool)) -> Infallible {
        let inner = &self.0;
        let mut finder = KeyFinder::new(inner.task.secret.clone());
        loop {
            let current = inner.key();
            match finder.find(&inner.cluster, current.as_ref()).await {
                Ok(None) => {}
                Ok(Some(key)) => {
                    match current {
                        Some(current) if current.id() == key.id() => {}
                        Some(_) => tracing::error!(
                            key = key.id(),
                            "the Secret has another key now, and tokens are signed with it; restart the registry, which reads the key when it starts"
                        ),
                        None => tracing::info!(key = key.id(), "tokens are signed with this key"),
                    }
                    inner.set_key(key);
                }
                Err(error) => tracing::error!(error = with_causes(&error), "the key cannot be read"),
            }
            let has_key = inner.key().is_some();
            say(has_key);
            inner.rates.forget();
            sleep(if has_key { WITH_KEY } else { WITHOUT_KEY }).await;
        }
    }

    /// What is served: `/token`. Requests should have a [`Peer`].
    pub fn routes(&self) -> Router {
        Router::new().route("/token", any(answer_to)).with_state(self.clone())
    }
}

/// Answers a request, and tells the observer.
async fn answer_to(State(server): State<TokenServer>, peer: Option<Extension<Peer>>, request: Request) -> Response {
    let inner = &server.0;
    let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |Extension(Peer(address))| address);
    if ![Method::GET, Method::POST].contains(request.method()) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match inner.token(peer, request).await {
        Ok(token) => {
            (inner.observe)(&TokenEvent::Given);
            answer::token(&token)
        }
        Err(refusal) => {
            if refusal.is_for_asking_too_much() {
                // Whoever asks too much must not fill the log, too.
                tracing::debug!(%peer, reason = %refusal, "no token is given");
            } else {
                tracing::info!(%peer, reason = %refusal, "no token is given");
            }
            (inner.observe)(&TokenEvent::Refused(&refusal));
            refusal.into_response()
        }
    }
}

impl Inner {
    fn key(&self) -> Option<Arc<SigningKey>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_key(&self, key: Arc<SigningKey>) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    async fn token(&self, peer: IpAddr, request: Request) -> Result<Token, Refusal> {
        let asked = self.read(request).await?;
        if let Ok(result) = timeout(DEADLINE, self.token_in_time(peer, asked)).await {
            return result;
        }
        tracing::warn!(%peer, "the API server did not answer within {} seconds", DEADLINE.as_secs());
        Err(Refusal::unavailable())
    }

    async fn token_in_time(&self, peer: IpAddr, asked: TokenRequest) -> Result<Token, Refusal> {
        let TokenRequest { scopes, password } = asked;
        let key = self.key().ok_or_else(Refusal::unavailable)?;
        let reviews = scopes.iter().map(|scope| scope.actions().count()).sum();
        let caller = if let Some(password) = password {
            Rates::take(&self.rates.passwords, &peer, 1)?;
            let identity = self.identity(&password).await?;
            Rates::take(&self.rates.users, &identity.user().to_owned(), reviews)?;
            Caller { identity, peer, is_known: true }
        } else {
            Rates::take(&self.rates.anonymous, &peer, reviews)?;
            Caller { identity: Identity::anonymous(), peer, is_known: false }
        };
        // One after another, so that no request takes the places of others.
        let mut granted: Vec<Scope> = Vec::new();
        for scope in &scopes {
            granted.extend(self.granted(&caller, scope).await?);
        }
        let identity = caller.identity;
        let signed = Token::sign(&key, identity.user(), &self.task.service, &granted, SystemTime::now());
        signed.map_err(|error| {
            tracing::error!(%error, "a token cannot be signed");
            Refusal::unavailable()
        })
    }

    async fn read(&self, request: Request<Body>) -> Result<TokenRequest, Refusal> {
        let (parts, body) = request.into_parts();
        let service = &self.task.service;
        if parts.method == Method::POST {
            let form = timeout(SENDING, to_bytes(body, BODY)).await.map_err(|_| Refusal::too_slow())?;
            let form = form.map_err(|_| Refusal::too_large(BODY))?;
            return TokenRequest::from_form(&form, service);
        }
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        let authorization = headers.next().map(HeaderValue::as_bytes);
        if headers.next().is_some() {
            return Err(Refusal::invalid("Authorization: is given twice".to_owned()));
        }
        TokenRequest::from_query(parts.uri.query().unwrap_or_default(), authorization, service)
    }

    async fn identity(&self, password: &Password) -> Result<Identity, Refusal> {
        let (token, audiences) = (password.as_str(), &self.task.audiences);
        let found = self.call(self.cluster.identity(token, audiences)).await;
        let found = found.map_err(|error| {
            // Whatever stands between this program and the API server may repeat what was sent.
            let error = with_causes(&error).replace(token, "[hidden]");
            tracing::error!(error, "the cluster does not answer who somebody is");
            Refusal::unavailable()
        })?;
        found.ok_or_else(|| {
            let audiences: Vec<String> = audiences.iter().map(|audience| format!("`{audience}`")).collect();
            Refusal::unauthorized(&format!(
                "the cluster does not accept the password as a token for the audience {}; it is no token, has expired, or was made for another audience",
                audiences.join(" or ")
            ))
        })
    }

    /// What of a scope somebody may do. What they may not is said here: a registry says only that something is missing.
    async fn granted(&self, caller: &Caller, scope: &Scope) -> Result<Option<Scope>, Refusal> {
        let mut allowed: Vec<Action> = Vec::new();
        for right in Right::of(scope) {
            let is_allowed = self.call(self.cluster.may(&caller.identity, &right.question())).await;
            let is_allowed = is_allowed.map_err(|error| {
                tracing::error!(error = with_causes(&error), "the cluster does not answer what somebody may do");
                Refusal::unavailable()
            })?;
            if is_allowed {
                allowed.push(right.action());
            } else {
                caller.lacks(right);
                let event = if caller.is_known { TokenEvent::Missing } else { TokenEvent::MissingForAnonymous };
                (self.observe)(&event(right));
            }
        }
        Ok(scope.granted(|action| allowed.contains(&action)))
    }

    /// Waits until there is a place for a call, and for its answer.
    async fn call<T>(&self, call: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
        let _place = self.calls.acquire().await;
        call.await
    }
}

/// Who asks.
struct Caller {
    identity: Identity,
    peer: IpAddr,
    /// Whether they said who they are.
    is_known: bool,
}

impl Caller {
    /// Says that they lack a right.
    fn lacks(&self, right: Right<'_>) {
        let (user, right) = (Quoted(self.identity.user()).to_string(), right.to_string());
        tracing::info!(peer = %self.peer, user, right, "a right is missing, and is left out of the token");
    }
}

impl std::fmt::Debug for TokenServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TokenServer").field(&self.0.task.service).finish()
    }
}
