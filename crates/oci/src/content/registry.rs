//! One registry: the client that its API is asked by.

#[cfg(feature = "registries")]
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use std::sync::Arc;

#[cfg(feature = "registries")]
use futures_util::stream::{self, StreamExt};
use http::{Method, StatusCode, Uri};
use local_registry_core::registry::RegistryUrl;

use super::uploads::Uploads;
use crate::exchange::access::Access;
use crate::exchange::answers::Answers;
use crate::exchange::error::RegistryError;
use crate::exchange::refusal::refused;
use crate::exchange::request::{Expected, Request};
use crate::exchange::response::Response;
use crate::exchange::transport::Transport;
use crate::exchange::url::with_path;
use crate::names::docker_hub::api_path;
use crate::names::repository::Repository;
use crate::pace::backoff::Backoff;
use crate::pace::health::Health;
use crate::pace::left_alone::LeftAlone;
use crate::pace::limits::{Limited, Limits};
use crate::pace::retry::Retry;
use crate::sign_in::challenge::Challenge;

/// How many uploads are cancelled at once.
#[cfg(feature = "registries")]
const CANCELLED_AT_ONCE: usize = 16;

/// One registry. [`Transport`] has an example.
pub struct Registry {
    pub(crate) host: String,
    pub(crate) base: Uri,
    transport: Box<dyn Transport>,
    pub(crate) backoff: Backoff,
    pub(crate) health: Arc<Health>,
    pub(crate) uploads: Uploads,
    /// Whether a repository has the API of referrers. One says nothing about another: there may be several registries behind a
    /// host.
    #[cfg(feature = "registries")]
    pub(crate) has_referrers: Mutex<HashMap<String, bool>>,
    /// Repositories that are pushed to, and whether they are read with the rights to push.
    #[cfg(feature = "registries")]
    pushed: Mutex<HashMap<String, bool>>,
}

/// A transport that keeps the limits of a registry, and whose answers are read.
pub(crate) fn limited<T: Transport>(transport: T, limits: Limits) -> LeftAlone<Limited<Answers<T>>> {
    LeftAlone::new(Limited::new(Answers::new(transport), limits))
}

impl Registry {
    /// The registry at `url`, which is asked by a transport of the caller's own, and without credentials.
    ///
    /// # Errors
    /// A [`RegistryError`] if its host cannot be part of a URL.
    pub fn anonymous(
        url: &RegistryUrl,
        transport: impl Transport + 'static,
        limits: Limits,
    ) -> Result<Self, RegistryError> {
        let host = url.host.as_str();
        let base = format!("{url}/").parse().map_err(|_| RegistryError::no_host(host))?;
        Ok(Self::new(host, base, limited(transport, limits), limits))
    }

    pub(crate) fn new(host: &str, base: Uri, transport: impl Transport + 'static, limits: Limits) -> Self {
        let backoff = Backoff { retries: limits.retries };
        let health = Arc::new(Health::default());
        Self {
            host: host.to_owned(),
            base,
            transport: Box::new(Retry::new(transport, backoff, Arc::clone(&health))),
            backoff,
            health,
            uploads: Uploads::default(),
            #[cfg(feature = "registries")]
            has_referrers: Mutex::default(),
            #[cfg(feature = "registries")]
            pushed: Mutex::default(),
        }
    }

    /// Says that a repository is going to be pushed to. Some registry refuses to say that it is not there yet to whoever only
    /// asks for the rights to pull; it is asked once more with those to push.
    #[cfg(feature = "registries")]
    pub fn will_push(&self, repository: &Repository) {
        self.pushed().entry(self.api_path(repository)).or_default();
    }

    /// Cancels every upload that has begun and has not ended. One that cannot be cancelled is left to the registry.
    #[cfg(feature = "registries")]
    pub(crate) async fn cancel_uploads(&self) {
        stream::iter(self.uploads.take())
            .for_each_concurrent(CANCELLED_AT_ONCE, async |(url, path)| {
                let request = Request::new(Method::DELETE, url, Some(Access::push(&path)), Expected::Headers);
                drop(self.send(request).await);
            })
            .await;
    }

    #[cfg(feature = "registries")]
    fn pushed(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a repository that is pushed to is read with the rights to push; `None` if it is not pushed to.
    fn reads_with_push(&self, path: &str) -> Option<bool> {
        #[cfg(feature = "registries")]
        return self.pushed().get(path).copied();
        #[cfg(not(feature = "registries"))]
        {
            let _ = path;
            None
        }
    }

    /// A request to a repository's part of the API.
    pub(crate) fn request(
        &self,
        method: Method,
        repository: &Repository,
        rest: &str,
        expected: Expected,
    ) -> Result<Request, RegistryError> {
        let path = self.api_path(repository);
        let is_read = matches!(method, Method::GET | Method::HEAD);
        let pulls = is_read && self.reads_with_push(&path) != Some(true);
        let access = if pulls { Access::pull(&path) } else { Access::push(&path) };
        let url = with_path(&self.base, &format!("/v2/{path}/{rest}"));
        let url = url.ok_or_else(|| RegistryError::no_host(&self.host))?;
        Ok(Request::new(method, url, Some(access), expected))
    }

    /// The path of a repository in the API.
    pub(crate) fn api_path(&self, repository: &Repository) -> String {
        api_path(&self.host, repository.path())
    }

    /// Sends a request. The answer may be an error of the client.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, RegistryError> {
        self.transport.send(request).await
    }

    /// Sends a request, and returns the answer if it is a success; `None` if there is no such thing.
    pub(crate) async fn find(&self, request: Request) -> Result<Option<Response>, RegistryError> {
        let (line, again) = (request.line(), request.try_clone());
        let response = self.send(request).await?;
        // Only a token has rights. A password is refused again.
        let is_refused = match response.status {
            StatusCode::NOT_FOUND => return Ok(None),
            status if status.is_success() => return Ok(Some(response)),
            StatusCode::UNAUTHORIZED => matches!(Challenge::read(&response.headers), Ok(Challenge::Bearer { .. })),
            status => status == StatusCode::FORBIDDEN,
        };
        let error = refused(&line, response).await;
        let path = again.as_ref().and_then(|again| again.access.as_ref()).map(|access| access.path().to_owned());
        match (again, path) {
            (Some(mut again), Some(path)) if is_refused && self.reads_with_push(&path) == Some(false) => {
                again.access = Some(Access::push(&path));
                match self.send(again).await {
                    Ok(response) if response.status.is_success() || response.status == StatusCode::NOT_FOUND => {
                        #[cfg(feature = "registries")]
                        self.pushed().insert(path, true);
                        Ok(Some(response).filter(|response| response.status.is_success()))
                    }
                    // What was refused first says more.
                    _ => Err(error),
                }
            }
            _ => Err(error),
        }
    }

    /// Sends a request, and returns the answer if it is a success.
    pub(crate) async fn succeed(&self, request: Request) -> Result<Response, RegistryError> {
        let line = request.line();
        let response = self.send(request).await?;
        if response.status.is_success() { Ok(response) } else { Err(refused(&line, response).await) }
    }
}
