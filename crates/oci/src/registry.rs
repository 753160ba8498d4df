//! One registry: the client that its API is asked by.

#[cfg(feature = "registries")]
use std::{collections::HashSet, sync::Mutex};

use http::{Method, StatusCode, Uri};
use local_registry_core::registry::RegistryUrl;

use crate::access::Access;
use crate::answers::Answers;
use crate::backoff::Backoff;
use crate::docker_hub::api_path;
use crate::error::RegistryError;
use crate::limits::{Limited, Limits};
use crate::refusal::refused;
use crate::repository::Repository;
use crate::request::{Expected, Request};
use crate::response::Response;
use crate::retry::Retry;
use crate::transport::Transport;
use crate::url::with_path;

/// One registry. [`Transport`] has an example.
pub struct Registry {
    host: String,
    pub(crate) base: Uri,
    transport: Box<dyn Transport>,
    pub(crate) backoff: Backoff,
    /// Repositories that are known not to have the API of referrers. One says nothing about another: there may be several
    /// registries behind a host.
    #[cfg(feature = "registries")]
    pub(crate) without_referrers: Mutex<HashSet<String>>,
}

/// A transport that keeps the limits of a registry, and whose answers are read.
pub(crate) fn limited<T: Transport>(transport: T, limits: Limits) -> Limited<Answers<T>> {
    Limited::new(Answers::new(transport), limits)
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
        Self {
            host: host.to_owned(),
            base,
            transport: Box::new(Retry::new(transport, backoff)),
            backoff,
            #[cfg(feature = "registries")]
            without_referrers: Mutex::default(),
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
        let access = if is_read { Access::pull(&path) } else { Access::push(&path) };
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
        let line = request.line();
        let response = self.send(request).await?;
        match response.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            _ => Err(refused(&line, response).await),
        }
    }

    /// Sends a request, and returns the answer if it is a success.
    pub(crate) async fn succeed(&self, request: Request) -> Result<Response, RegistryError> {
        let line = request.line();
        let response = self.send(request).await?;
        if response.status.is_success() { Ok(response) } else { Err(refused(&line, response).await) }
    }
}
