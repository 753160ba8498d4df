//! What a cluster declares, as one of the few states that policies know.

use std::fmt;

use local_registry_core::{RegistryHost, RuntimeHost};

use super::kep_1755::{FOR_PODS, NAME, NAMESPACE};

/// What [`read`](super::read) found in a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// What the cluster declares.
    pub declaration: Declaration,
    /// A declared `help` that is not used, because it is not a printable URL.
    pub ignored_help: Option<String>,
    /// Whether the host for nodes is `host`, since `hostFromContainerRuntime` is absent.
    pub falls_back: bool,
    /// Why nodes do not get a declared `host`: it cannot be right for them, or is not allowed.
    pub ignored_host: Option<String>,
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
        /// `hostFromContainerRuntime`, or `host` where that is absent, as KEP-1755 says.
        runtime_host: Option<RuntimeHost>,
        /// `help`, a printable http(s) URL.
        help: Option<String>,
    },
    /// The ConfigMap declares no registry that pods reach. Its `host` never takes the place of one: it is the registry
    /// as the user's own machine reaches it.
    NotForPods {
        /// As above: nodes may reach a registry that pods do not.
        runtime_host: Option<RuntimeHost>,
        /// `help`, a printable http(s) URL.
        help: Option<String>,
    },
}

impl Declaration {
    /// The registry as the nodes' container runtimes reach it.
    #[must_use]
    pub fn runtime_host(&self) -> Option<&RuntimeHost> {
        match self {
            Self::Absent => None,
            Self::Registry { runtime_host, .. } | Self::NotForPods { runtime_host, .. } => runtime_host.as_ref(),
        }
    }
}

impl Declared {
    /// Takes the host for nodes away.
    pub(super) fn ignore_host(&mut self, reason: String) {
        if let Declaration::Registry { runtime_host, .. } | Declaration::NotForPods { runtime_host, .. } =
            &mut self.declaration
        {
            *runtime_host = None;
        }
        self.ignored_host = Some(reason);
    }
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "no local registry is declared: there is no ConfigMap {NAMESPACE}/{NAME}"),
            Self::Registry { host, runtime_host, .. } => {
                write!(f, "the local registry is {host}")?;
                match runtime_host {
                    Some(other) if other.as_str() != host.as_str() => write!(f, ", and {other} for nodes"),
                    _ => Ok(()),
                }
            }
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
        let registry = |runtime_host: Option<&str>| {
            let runtime_host = runtime_host.map(|host| host.parse().unwrap());
            Declaration::Registry { host: "reg.io".parse().unwrap(), runtime_host, help: None }
        };
        check(registry(None), "the local registry is reg.io");
        check(registry(Some("reg.io")), "the local registry is reg.io");
        check(registry(Some("localhost:5001")), "the local registry is reg.io, and localhost:5001 for nodes");
        check(
            Declaration::NotForPods { runtime_host: None, help: None },
            "no local registry is declared for pods: kube-public/local-registry-hosting has no hostFromClusterNetwork; add the line `hostFromClusterNetwork: \"kind-registry:5000\"` with the host and port under which pods reach the registry",
        );
    }
}
