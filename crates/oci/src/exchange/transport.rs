//! What a client sends its requests by, in layers.

use futures_util::future::BoxFuture;

use super::error::RegistryError;
use super::request::Request;
use super::response::Response;

/// Sends a request, and returns the answer whatever its status is.
///
/// The lowest transport speaks HTTP. Each layer above it is a transport that wraps another one: `Answers` turns statuses
/// that may pass into errors, `Limited` keeps the registry's limits, `Authorized` signs in, and `Retry` sends again. A
/// transport of a program's own goes below all of them:
///
/// ```
/// use std::future::ready;
///
/// use futures_util::future::BoxFuture;
/// use http::{HeaderMap, StatusCode};
/// use local_registry_oci::{Registry, RegistryError, Repository, Limits, Request, Response, Transport};
/// use local_registry_core::registry::{RegistryUrl, Scheme};
///
/// /// A registry that has nothing.
/// struct Empty;
///
/// impl Transport for Empty {
///     fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
///         let nothing = futures_util::stream::empty();
///         let response = Response::new(StatusCode::NOT_FOUND, request.url, HeaderMap::new(), nothing);
///         Box::pin(ready(Ok(response)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let url = RegistryUrl { scheme: Scheme::Http, host: "kind-registry:5000".parse()? };
/// let limits = Limits { at_once: 1, per_second: None, retries: 0 };
/// let registry = Registry::anonymous(&url, Empty, limits)?;
/// let repository = Repository::parse("kind-registry:5000/team/app")?;
/// let tag = "v1".parse()?;
/// assert!(registry.manifest(&repository, local_registry_oci::Reference::Tag(&tag)).await?.is_none());
/// # Ok(())
/// # }
/// ```
pub trait Transport: Send + Sync {
    /// Sends a request once.
    ///
    /// # Errors
    /// If there is no answer: [`RegistryError::no_answer`].
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>>;
}
