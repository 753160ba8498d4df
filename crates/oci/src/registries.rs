//! All registries that a program speaks to.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use http::Uri;
use http::uri::Scheme;

use crate::content::registry::{Registry, limited};
use crate::exchange::error::RegistryError;
use crate::layouts::Layouts;
use crate::names::endpoint;
use crate::names::repository::Repository;
use crate::network::{Network, NetworkOptions, Proxy};
use crate::pace::backoff::Backoff;
use crate::pace::limits::Limits;
use crate::sign_in::authorization::{Authorized, Client};
use crate::sign_in::credentials::Credentials;

/// How registries are spoken to.
pub struct Connection {
    /// What the program calls itself.
    pub program: &'static str,
    /// Hosts that speak plain HTTP. Loopback addresses do, too.
    pub plain_http: BTreeSet<String>,
    /// Who asks.
    pub credentials: Credentials,
    /// How many requests, and how fast.
    pub limits: Limits,
    /// How long a registry may say nothing.
    pub timeout: Duration,
}

/// All registries that a program speaks to, each signed in as it wants it.
///
/// ```no_run
/// use std::time::Duration;
///
/// use local_registry_oci::{Connection, Credentials, Limits, Reference, Registries, Repository};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let registries = Registries::new(Connection {
///     program: "an-example",
///     plain_http: ["kind-registry:5000".to_owned()].into(),
///     credentials: Credentials::from_environment(|name| std::env::var_os(name)),
///     limits: Limits { at_once: 16, per_second: None, retries: 5 },
///     timeout: Duration::from_secs(120),
/// })?;
/// let repository = Repository::parse("registry.example/team/app")?;
/// let tag = "v1".parse()?;
/// let registry = registries.registry(&repository)?;
/// match registry.manifest_digest(&repository, Reference::Tag(&tag)).await? {
///     Some(digest) => println!("{}", repository.at(&digest)),
///     None => println!("there is no {}", repository.tagged(&tag)),
/// }
/// # Ok(())
/// # }
/// ```
pub struct Registries {
    network: Network,
    /// For registries that speak plain HTTP.
    direct: Network,
    program: &'static str,
    plain_http: BTreeSet<String>,
    credentials: Arc<Credentials>,
    limits: Limits,
    known: Mutex<HashMap<String, Arc<Registry>>>,
}

impl Registries {
    /// Prepares to speak to registries. Nothing is sent yet.
    ///
    /// # Errors
    /// If the system's certificate authorities cannot be read, say.
    pub fn new(connection: Connection) -> Result<Self, reqwest::Error> {
        let Connection { program, plain_http, credentials, limits, timeout } = connection;
        let network = |proxy| {
            let user_agent = format!("{program}/{}", env!("CARGO_PKG_VERSION"));
            Network::new(&NetworkOptions { user_agent, timeout, at_once: limits.at_once, proxy })
        };
        Ok(Self {
            network: network(Proxy::System)?,
            direct: network(Proxy::Never)?,
            program,
            plain_http,
            credentials: Arc::new(credentials),
            limits,
            known: Mutex::default(),
        })
    }

    /// The same, but the repositories of these hosts are in folders: each is an image layout of the OCI, in
    /// `FOLDER/HOST/PATH`, with `_` for the colon before a port.
    #[must_use]
    pub fn with_layouts<'h>(self, folder: &Path, hosts: impl IntoIterator<Item = &'h str>) -> Self {
        for host in hosts {
            let base = Uri::builder().scheme(Scheme::HTTP).authority(host).path_and_query("/").build();
            // A host that cannot be part of a URL is an error once it is asked.
            let Ok(base) = base else { continue };
            let transport = limited(Layouts::new(folder, host), self.limits);
            let registry = Arc::new(Registry::new(host, base, transport, self.limits));
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), registry);
        }
        self
    }

    /// Cancels every upload that has begun and has not ended, at all registries at once. Whoever stops in the middle calls it, and
    /// waits as long as it likes.
    pub async fn cancel_uploads(&self) {
        let known: Vec<Arc<Registry>> =
            self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        join_all(known.iter().map(|registry| registry.cancel_uploads())).await;
    }

    /// The registry of a repository.
    ///
    /// # Errors
    /// A [`RegistryError`] if its host cannot be part of a URL.
    pub fn registry(&self, repository: &Repository) -> Result<Arc<Registry>, RegistryError> {
        let host = repository.host();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = known.get(host) {
            return Ok(Arc::clone(registry));
        }
        let base = endpoint::base(host, &self.plain_http).ok_or_else(|| RegistryError::no_host(host))?;
        let is_plain = base.scheme() == Some(&Scheme::HTTP);
        let network = if is_plain { &self.direct } else { &self.network };
        let backoff = Backoff { retries: self.limits.retries };
        let client =
            Client { host: host.to_owned(), credentials: Arc::clone(&self.credentials), id: self.program.to_owned() };
        let transport = Authorized::new(limited(network.clone(), self.limits), base.clone(), client, backoff);
        let registry = Arc::new(Registry::new(host, base, transport, self.limits));
        known.insert(host.to_owned(), Arc::clone(&registry));
        Ok(registry)
    }
}
