//! What a cluster declares: the one value from which every program takes its hosts.

use std::fmt;

use local_registry_core::registry::HostWarning;
use local_registry_core::{RegistryHost, RuntimeHost};

use super::kep_1755::{FOR_PODS, NAME, NAMESPACE};

/// What a cluster declares about its local registry, within what the operator allows.
///
/// [`Declared::read`] is the only way from a ConfigMap to hosts, so all programs come to one verdict. Prints as a sentence
/// that says what to do where no registry is declared for pods.
///
/// ```
/// use local_registry_declaration::{AllowedHosts, Data, Declared};
///
/// let value = "host: localhost:5001\nhostFromClusterNetwork: kind-registry:5000";
/// let data: Data = [("localRegistryHosting.v1", value)].into_iter().collect();
/// let declared = Declared::read(&data, &AllowedHosts::default())?;
/// assert_eq!(declared.to_string(), "the local registry is kind-registry:5000, and localhost:5001 for nodes");
/// assert_eq!(declared.for_pods().map(|host| host.as_str()), Some("kind-registry:5000"));
/// assert_eq!(declared.for_nodes().map(|host| host.as_str()), Some("localhost:5001"));
/// assert_eq!(declared.names().len(), 2);
/// # Ok::<(), local_registry_declaration::DeclarationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub(super) is_there: bool,
    pub(super) for_pods: Option<RegistryHost>,
    pub(super) for_nodes: Option<RuntimeHost>,
    /// The `host`, allowed or not, if it is one.
    pub(super) for_users: Option<RuntimeHost>,
    /// What `hostFromContainerRuntime` says, where nothing is declared for pods and they may reach the registry by that.
    pub(super) likely_for_pods: Option<RegistryHost>,
    pub(super) help: Option<String>,
    pub(super) warnings: Vec<DeclarationWarning>,
}

/// Something in a usable declaration that is not used, or not by every program, and why. Prints as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclarationWarning {
    /// The `help` is not a printable URL.
    Help(String),
    /// The `host`, which stands in for `hostFromContainerRuntime`, cannot be right for nodes, or is not allowed. It is for
    /// the user's own machine first, so it is no error.
    Host(String),
    /// The host for pods is one that some programs cannot read.
    ForPods(HostWarning),
}

impl Declared {
    /// What a cluster without the ConfigMap declares: no registry.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            is_there: false,
            for_pods: None,
            for_nodes: None,
            for_users: None,
            likely_for_pods: None,
            help: None,
            warnings: Vec::new(),
        }
    }

    /// Whether there is a ConfigMap.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// The registry as pods reach it: `hostFromClusterNetwork`. The declared `host` never takes its place: that is the
    /// registry as the user's own machine reaches it.
    #[must_use]
    pub fn for_pods(&self) -> Option<&RegistryHost> {
        self.for_pods.as_ref()
    }

    /// The registry as the nodes' container runtimes reach it: `hostFromContainerRuntime`, or `host` where that is absent, as
    /// KEP-1755 says.
    #[must_use]
    pub fn for_nodes(&self) -> Option<&RuntimeHost> {
        self.for_nodes.as_ref()
    }

    /// Where nothing is declared for pods: what nodes have of their own, if pods may reach the registry by that name, too. A
    /// guess for messages; nothing ever takes it for what is declared.
    #[must_use]
    pub fn likely_for_pods(&self) -> Option<&RegistryHost> {
        self.likely_for_pods.as_ref()
    }

    /// The names by which nodes pull, each once: that of [`for_nodes`](Self::for_nodes), and that of
    /// [`for_pods`](Self::for_pods), since the images that pods push have that name.
    #[must_use]
    pub fn names(&self) -> Vec<RuntimeHost> {
        let for_pods = self.for_pods.as_ref().map(RuntimeHost::from);
        let for_pods = for_pods.filter(|name| self.for_nodes.as_ref() != Some(name));
        self.for_nodes.iter().cloned().chain(for_pods).collect()
    }

    /// Every name that images of the registry may have: [`names`](Self::names), and `host`, by which users push. Nodes may know that,
    /// too: on KinD, pods with `localhost:5001/app` are usual, whatever else is declared.
    ///
    /// ```
    /// use local_registry_declaration::{AllowedHosts, Data, Declared};
    ///
    /// let hosts = "host: localhost:5001\nhostFromContainerRuntime: kind-registry:5000\nhostFromClusterNetwork: kind-registry:5000";
    /// let data: Data = [("localRegistryHosting.v1", hosts)].into_iter().collect();
    /// let declared = Declared::read(&data, &AllowedHosts::default())?;
    /// let names: Vec<String> = declared.image_names().iter().map(ToString::to_string).collect();
    /// assert_eq!(names, ["kind-registry:5000", "localhost:5001"]);
    /// # Ok::<(), local_registry_declaration::DeclarationError>(())
    /// ```
    #[must_use]
    pub fn image_names(&self) -> Vec<RuntimeHost> {
        let mut names = self.names();
        names.extend(self.for_users.iter().filter(|host| !names.contains(host)).cloned().collect::<Vec<_>>());
        names
    }

    /// The declared name that the [portable name](RuntimeHost::portable) stands for on nodes: that of
    /// [`for_nodes`](Self::for_nodes). If that is a loopback name, the one of [`for_pods`](Self::for_pods) comes first: on KinD,
    /// `localhost:5001` is nothing but an alias in the runtime's own files.
    ///
    /// `None` if nothing is declared, and where the portable name is itself declared.
    ///
    /// ```
    /// use local_registry_declaration::{AllowedHosts, Data, Declared};
    ///
    /// let value = "host: localhost:5001\nhostFromClusterNetwork: kind-registry:5000";
    /// let data: Data = [("localRegistryHosting.v1", value)].into_iter().collect();
    /// let declared = Declared::read(&data, &AllowedHosts::default())?;
    /// assert_eq!(declared.portable_for_nodes().map(|host| host.to_string()), Some("kind-registry:5000".to_owned()));
    /// # Ok::<(), local_registry_declaration::DeclarationError>(())
    /// ```
    #[must_use]
    pub fn portable_for_nodes(&self) -> Option<RuntimeHost> {
        let names = self.names();
        if names.contains(&RuntimeHost::portable()) {
            return None;
        }
        // What is valid for nodes and not for pods is a loopback name.
        let reachable = names.iter().find(|name| RegistryHost::parse(name.as_str()).is_ok());
        reachable.or(names.first()).cloned()
    }

    /// The `help` of the declaration, a printable http(s) URL.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// What of the declaration is not used, or not by every program.
    #[must_use]
    pub fn warnings(&self) -> &[DeclarationWarning] {
        &self.warnings
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.for_pods, &self.for_nodes) {
            _ if !self.is_there => {
                write!(f, "no local registry is declared: there is no ConfigMap {NAMESPACE}/{NAME}")
            }
            (Some(host), Some(other)) if other.as_str() != host.as_str() => {
                write!(f, "the local registry is {host}, and {other} for nodes")
            }
            (Some(host), _) => write!(f, "the local registry is {host}"),
            (None, _) => {
                write!(f, "no local registry is declared for pods: {NAMESPACE}/{NAME} has no {FOR_PODS}; ")?;
                match &self.likely_for_pods {
                    Some(host) => write!(
                        f,
                        "if pods reach the registry by the name that nodes have for it, add the line `{FOR_PODS}: \"{host}\"`"
                    ),
                    None => write!(
                        f,
                        "add the line `{FOR_PODS}: \"kind-registry:5000\"` with the host and port under which pods reach the registry"
                    ),
                }
            }
        }
    }
}

impl fmt::Display for DeclarationWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Help(reason) => write!(f, "help is not used: {reason}"),
            Self::Host(reason) => write!(f, "host is not used for nodes: {reason}"),
            Self::ForPods(warning) => write!(f, "{FOR_PODS}: {warning}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_declaration_says_what_to_write() {
        let check = |declared: Declared, message: &str| assert_eq!(declared.to_string(), message);
        check(
            Declared::absent(),
            "no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting",
        );
        let declared = |for_pods: Option<&str>, for_nodes: Option<&str>| Declared {
            is_there: true,
            for_pods: for_pods.map(|host| host.parse().unwrap()),
            for_nodes: for_nodes.map(|host| host.parse().unwrap()),
            ..Declared::absent()
        };
        check(declared(Some("reg.io"), None), "the local registry is reg.io");
        check(declared(Some("reg.io"), Some("reg.io")), "the local registry is reg.io");
        check(
            declared(Some("reg.io"), Some("localhost:5001")),
            "the local registry is reg.io, and localhost:5001 for nodes",
        );
        check(
            declared(None, Some("localhost:5001")),
            "no local registry is declared for pods: kube-public/local-registry-hosting has no hostFromClusterNetwork; add the line `hostFromClusterNetwork: \"kind-registry:5000\"` with the host and port under which pods reach the registry",
        );
        let likely = Some("registry.infra.svc:5000".parse().unwrap());
        check(
            Declared { likely_for_pods: likely, ..declared(None, Some("registry.infra.svc:5000")) },
            "no local registry is declared for pods: kube-public/local-registry-hosting has no hostFromClusterNetwork; if pods reach the registry by the name that nodes have for it, add the line `hostFromClusterNetwork: \"registry.infra.svc:5000\"`",
        );
    }
}
