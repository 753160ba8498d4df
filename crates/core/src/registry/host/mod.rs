//! The registry's host: as pods see it, and as the nodes' container runtimes see it. One type for each, shared by the
//! policy and the sync job.

mod check;
mod error;
mod registry_host;
mod runtime_host;

pub use self::check::is_unusual_ipv4;
pub use self::error::{HostError, HostWarning};
pub use self::registry_host::RegistryHost;
pub use self::runtime_host::RuntimeHost;

/// A host that may stand in front of a reference: a [`RegistryHost`] or a [`RuntimeHost`], and nothing else.
///
/// ```
/// use local_registry_core::{ImageReference, RuntimeHost};
///
/// let host: RuntimeHost = "localhost:5001".parse()?;
/// assert_eq!(ImageReference::parse("team/app")?.at(&host), "localhost:5001/team/app");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Host: AsRef<str> + sealed::Sealed {
    /// What not every program can do with the host, though it is valid.
    ///
    /// ```
    /// use local_registry_core::RegistryHost;
    /// use local_registry_core::registry::Host;
    ///
    /// assert!(RegistryHost::parse("[fd00::1]:5000")?.warning().is_some());
    /// assert!(RegistryHost::parse("kind-registry:5000")?.warning().is_none());
    /// # Ok::<(), local_registry_core::registry::HostError>(())
    /// ```
    fn warning(&self) -> Option<HostWarning> {
        let text = self.as_ref();
        text.starts_with('[').then(|| HostWarning(text.to_owned()))
    }
}

impl Host for RegistryHost {}
impl Host for RuntimeHost {}

mod sealed {
    /// Keeps other types from being a host.
    pub trait Sealed {}

    impl Sealed for super::RegistryHost {}
    impl Sealed for super::RuntimeHost {}
}
