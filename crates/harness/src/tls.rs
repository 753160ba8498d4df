//! The cryptography library for TLS.

/// Chooses ring for the whole program. kube, axum-server and reqwest all use rustls, and leave the choice to us.
pub(crate) fn install_provider() {
    // An error means that a library was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
