//! What a cluster declares, as one of the few states that policies know.

use std::fmt;

use local_registry_core::RegistryHost;

use super::kep_1755::{FOR_PODS, NAME, NAMESPACE};

/// What [`read`](super::read) found in a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// What the cluster declares.
    pub declaration: Declaration,
    /// A declared `help` that is not used, because it is not a printable URL.
    pub ignored_help: Option<String>,
}

/// What a cluster declares about its local registry.
///
/// Prints as a sentence that says what to do where no registry is declared for pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    /// There is no ConfigMap.
    Absent,
    /// Pods reach a registry.
    Registry {
        /// `hostFromClusterNetwork`.
        host: RegistryHost,
        /// `help`, a printable http(s) URL.
        help: Option<String>,
    },
    /// The ConfigMap declares no registry that pods reach. Its `host` never takes the place of one: it is the registry
    /// as the user's own machine reaches it.
    NotForPods {
        /// `help`, a printable http(s) URL.
        help: Option<String>,
    },
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "no local registry is declared: there is no ConfigMap {NAMESPACE}/{NAME}"),
            Self::Registry { host, .. } => write!(f, "the local registry is {host}"),
            Self::NotForPods { .. } => write!(
                f,
                "no local registry is declared for pods: {NAMESPACE}/{NAME} has no {FOR_PODS}; add the line `{FOR_PODS}: \"kind-registry:5000\"` with the host and port under which pods reach the registry"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_says_what_to_write() {
        let check = |declaration: Declaration, message: &str| assert_eq!(declaration.to_string(), message);
        check(
            Declaration::Absent,
            "no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting",
        );
        let host = "reg.io".parse().unwrap();
        check(Declaration::Registry { host, help: None }, "the local registry is reg.io");
        check(
            Declaration::NotForPods { help: None },
            "no local registry is declared for pods: kube-public/local-registry-hosting has no hostFromClusterNetwork; add the line `hostFromClusterNetwork: \"kind-registry:5000\"` with the host and port under which pods reach the registry",
        );
    }
}
