//! The token server: who asks, what of that RBAC grants, and a token with it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use futures_util::future::try_join_all;
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
use crate::stored_key::{self, SecretName};
use crate::token::Token;

/// How long the form of a POST may be. A token with many groups in it has some ten thousand bytes.
const BODY: usize = 64 * 1024;
/// How long a client waits for its answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// How many calls to the API server may be under way.
const CALLS: usize = 16;
/// How many requests a second an address may send, and how many at once after a pause. Each costs the API server some calls.
const RATE: NonZeroU32 = NonZeroU32::new(20).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// How often the key is looked for while there is none, and while there is one.
const WITHOUT_KEY: Duration = Duration::from_secs(3);
const WITH_KEY: Duration = Duration::from_secs(60);

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
    /// This right was asked for, and RBAC does not give it.
    Missing(Right<'a>),
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
/// server.keep_key(|has_key| println!("{has_key}")).await
/// # }
/// ```
#[derive(Clone)]
pub struct TokenServer(Arc<Inner>);

type Observer = Box<dyn Fn(&TokenEvent<'_>) + Send + Sync>;

struct Inner {
    cluster: Cluster,
    task: TokenTask,
    key: Mutex<Option<Arc<SigningKey>>>,
    rate: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    calls: Semaphore,
    observe: Observer,
}

impl TokenServer {
    /// A server for this registry.
    pub fn new(cluster: Cluster, task: TokenTask, observe: impl Fn(&TokenEvent<'_>) + Send + Sync + 'static) -> Self {
        let rate = RateLimiter::hashmap(Quota::per_second(RATE).allow_burst(BURST));
        let (key, calls, observe) = (Mutex::default(), Semaphore::new(CALLS), Box::new(observe));
        Self(Arc::new(Inner { cluster, task, key, rate, calls, observe }))
    }

    /// Reads the key of the Secret, or makes it, again and again, and says each time whether there is one. Without a key, every
    /// request is answered with 503.
    pub async fn keep_key(&self, mut say: impl FnMut(bool)) -> Infallible {
        let inner = &self.0;
        loop {
            let current = inner.key();
            match stored_key::read(&inner.cluster, &inner.task.secret, current.as_ref()).await {
                Ok(key) => {
                    if current.as_ref().is_none_or(|current| current.id() != key.id()) {
                        tracing::info!(key = key.id(), "tokens are signed with this key");
                    }
                    inner.set_key(key);
                }
                Err(error) => tracing::error!(error = with_causes(&error), "the key cannot be read"),
            }
            let has_key = inner.key().is_some();
            say(has_key);
            inner.rate.retain_recent();
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
            tracing::info!(%peer, reason = %refusal, "no token is given");
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
        // Before anything is read: that costs, too.
        self.rate.check_key(&peer).map_err(|_| Refusal::too_many())?;
        match timeout(DEADLINE, self.token_in_time(peer, request)).await {
            Ok(result) => result,
            Err(_) => {
                tracing::warn!(%peer, "the API server did not answer within {} seconds", DEADLINE.as_secs());
                Err(Refusal::unavailable())
            }
        }
    }

    async fn token_in_time(&self, peer: IpAddr, request: Request) -> Result<Token, Refusal> {
        let TokenRequest { scopes, password } = self.read(request).await?;
        let key = self.key().ok_or_else(Refusal::unavailable)?;
        let identity = match password {
            Some(password) => self.identity(&password).await?,
            None => Identity::anonymous(),
        };
        let granted = try_join_all(scopes.iter().map(|scope| self.granted(&identity, scope, peer))).await?;
        let granted: Vec<Scope> = granted.into_iter().flatten().collect();
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
            let form = to_bytes(body, BODY).await.map_err(|_| Refusal::too_large(BODY))?;
            return TokenRequest::from_form(&form, service);
        }
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        let authorization = headers.next().map(|header| header.as_bytes());
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
    async fn granted(&self, identity: &Identity, scope: &Scope, peer: IpAddr) -> Result<Option<Scope>, Refusal> {
        let reviews = Right::of(scope).map(async |right| {
            let is_allowed = self.call(self.cluster.may(identity, &right.question())).await?;
            if !is_allowed {
                let (user, right_text) = (Quoted(identity.user()).to_string(), right.to_string());
                tracing::info!(%peer, user, right = right_text, "a right is missing, and is left out of the token");
                (self.observe)(&TokenEvent::Missing(right));
            }
            Ok::<_, ClusterError>(is_allowed.then(|| right.action()))
        });
        let allowed: Vec<Option<Action>> = try_join_all(reviews).await.map_err(|error| {
            tracing::error!(error = with_causes(&error), "the cluster does not answer what somebody may do");
            Refusal::unavailable()
        })?;
        Ok(scope.granted(|action| allowed.contains(&Some(action))))
    }

    /// Waits until there is a place for a call, and for its answer.
    async fn call<T>(&self, call: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
        let _place = self.calls.acquire().await;
        call.await
    }
}

impl std::fmt::Debug for TokenServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TokenServer").field(&self.0.task.service).finish()
    }
}
