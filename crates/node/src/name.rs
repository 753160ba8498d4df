//! A name that nodes pull by, and what it stands for.

use std::fmt;
use std::str::FromStr;

use local_registry_core::RuntimeHost;
use local_registry_core::registry::HostError;
use local_registry_declaration::Declared;

/// A name that nodes pull by: a declared one, or the [portable one](RuntimeHost::portable), which stands for a declared one.
///
/// ```
/// use local_registry_node::runtime::Name;
///
/// let declared: Name = "registry.infra.svc:5000".parse()?;
/// let portable = Name::portable("registry.infra.svc:5000".parse()?);
/// assert_eq!((declared.as_str(), portable.as_str()), ("registry.infra.svc:5000", "local-registry:5000"));
/// # Ok::<(), local_registry_core::registry::HostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub(super) host: RuntimeHost,
    /// The declared name that this one stands for.
    pub(super) stands_for: Option<RuntimeHost>,
}

impl Name {
    /// The portable name, which stands for a declared one.
    #[must_use]
    pub fn portable(stands_for: RuntimeHost) -> Self {
        Self { host: RuntimeHost::portable(), stands_for: Some(stands_for) }
    }

    /// The name as images have it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.host.as_str()
    }

    /// The names of a declaration: those that are declared, and the portable one.
    pub(super) fn all(declared: &Declared) -> Vec<Self> {
        let portable = declared.portable_for_nodes().map(Self::portable);
        declared.names().into_iter().map(Self::from).chain(portable).collect()
    }
}

impl From<RuntimeHost> for Name {
    /// A declared name, which stands for itself.
    fn from(host: RuntimeHost) -> Self {
        Self { host, stands_for: None }
    }
}

impl FromStr for Name {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        RuntimeHost::parse(text).map(Self::from)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)
    }
}
