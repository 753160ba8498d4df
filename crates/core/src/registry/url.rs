//! Where a registry is, and how it is spoken to.

use std::fmt;

use super::host::RuntimeHost;

/// How a registry is spoken to.
///
/// ```
/// use local_registry_core::registry::Scheme;
///
/// assert_eq!((Scheme::Http.name(), Scheme::Http.port()), ("http", 80));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme as URLs have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a host that names none.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a registry is: a scheme, a host, and a port if any. Prints as a URL without a path.
///
/// ```
/// use local_registry_core::registry::{RegistryUrl, Scheme};
///
/// let url = RegistryUrl { scheme: Scheme::Http, host: "kind-registry:5000".parse()? };
/// assert_eq!(url.to_string(), "http://kind-registry:5000");
/// # Ok::<(), local_registry_core::registry::HostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryUrl {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its host, and port if any.
    pub host: RuntimeHost,
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)
    }
}
