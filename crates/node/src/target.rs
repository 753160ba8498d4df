//! Where a runtime's file leads.

use local_registry_core::registry::RegistryUrl;

/// Where the runtime's file leads a name.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// To a registry.
    Registry {
        /// Where it is.
        url: &'a RegistryUrl,
        /// Whether the file `ca.crt` lies beside the runtime's.
        has_ca: bool,
    },
    /// To nothing that could answer, so that pulls fail. The address that the name had may be somebody else's by now.
    Nowhere,
}
