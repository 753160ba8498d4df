//! Where a name leads: to a Service, to an address, or wherever the node's DNS says.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use local_registry_core::{HostError, Quoted, RuntimeHost, is_object_name};

use crate::cluster::{ServiceName, ServicePort, ServiceSpec};

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a host that names none.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a registry is: a scheme, a host, and a port if any. Prints as a URL without a path.
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

/// `NAME=[SCHEME://]HOST[:PORT]`: the operator's word on where a declared name leads.
///
/// ```
/// use sync::AddressRule;
///
/// let rule: AddressRule = "kind-registry:5000=http://172.18.0.5:5000".parse()?;
/// assert_eq!(rule.to_string(), "kind-registry:5000=http://172.18.0.5:5000");
///
/// let error = "kind-registry:5000".parse::<AddressRule>().unwrap_err();
/// assert_eq!(error.to_string(), "expected NAME=[SCHEME://]HOST[:PORT], as in `kind-registry:5000=http://172.18.0.5:5000`");
/// # Ok::<(), sync::AddressRuleError>(())
/// ```
///
/// HOST is an address, a name that the node resolves, or the name of a Service, `name.namespace.svc` with or without the
/// cluster's domain. Without a scheme, a Service's port says which it is, and anything else is spoken to by HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRule {
    pub(super) name: RuntimeHost,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: RuntimeHost,
}

/// Why a text is not an [`AddressRule`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct AddressRuleError(AddressRuleErrorKind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum AddressRuleErrorKind {
    #[error("expected NAME=[SCHEME://]HOST[:PORT], as in `kind-registry:5000=http://172.18.0.5:5000`")]
    Form,
    #[error("the scheme is {}; write `http` or `https`", Quoted(.0))]
    Scheme(String),
    #[error(transparent)]
    Host(#[from] HostError),
}

impl AddressRule {
    /// The name that the rule is about.
    #[must_use]
    pub fn name(&self) -> &RuntimeHost {
        &self.name
    }
}

impl FromStr for AddressRule {
    type Err = AddressRuleError;

    fn from_str(text: &str) -> Result<Self, AddressRuleError> {
        let (name, place) = text.split_once('=').ok_or(AddressRuleError(AddressRuleErrorKind::Form))?;
        let (scheme, host) = match place.split_once("://") {
            None => (None, place),
            Some(("http", host)) => (Some(Scheme::Http), host),
            Some(("https", host)) => (Some(Scheme::Https), host),
            Some((other, _)) => return Err(AddressRuleError(AddressRuleErrorKind::Scheme(other.to_owned()))),
        };
        let host_of = |text| RuntimeHost::parse(text).map_err(|error| AddressRuleError(error.into()));
        Ok(Self { name: host_of(name)?, scheme, host: host_of(host)? })
    }
}

impl fmt::Display for AddressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.name)?;
        match self.scheme {
            Some(scheme) => write!(f, "{}://{}", scheme.name(), self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To this Service, at this port of it.
    Service { service: ServiceName, port: u16, scheme: Option<Scheme> },
    /// To this place.
    Url(RegistryUrl),
    /// To wherever the node's DNS says. The runtime needs no file for that.
    Dns,
}

impl Place {
    /// Where a declared name leads, by the first rule about it, or by itself.
    pub(super) fn of(name: &RuntimeHost, rules: &[AddressRule], cluster_domain: &str) -> Self {
        let rule = rules.iter().find(|rule| rule.name == *name);
        let (scheme, host) = rule.map_or((None, name), |rule| (rule.scheme, &rule.host));
        if let Some(service) = service_name(host, cluster_domain) {
            let port = port(host).unwrap_or_else(|| scheme.unwrap_or(Scheme::Https).port());
            return Self::Service { service, port, scheme };
        }
        match rule {
            Some(_) => Self::Url(RegistryUrl { scheme: scheme.unwrap_or(Scheme::Https), host: host.clone() }),
            None => Self::Dns,
        }
    }
}

/// The Service that a host names: `name.namespace.svc`, with or without the cluster's domain.
pub(crate) fn service_name(host: &RuntimeHost, cluster_domain: &str) -> Option<ServiceName> {
    let (name, _) = host.as_str().split_once(':').unwrap_or((host.as_str(), ""));
    let name = name.strip_suffix(cluster_domain).and_then(|name| name.strip_suffix('.')).unwrap_or(name);
    let (name, namespace) = name.strip_suffix(".svc")?.split_once('.')?;
    let are_labels = [name, namespace].iter().all(|label| is_object_name(label) && !label.contains('.'));
    are_labels.then(|| ServiceName { namespace: namespace.to_owned(), name: name.to_owned() })
}

/// The port that a host names.
pub(crate) fn port(host: &RuntimeHost) -> Option<u16> {
    let (before, port) = host.as_str().rsplit_once(':')?;
    (!before.starts_with('[') || before.ends_with(']')).then(|| port.parse().ok()).flatten()
}

/// Why a Service has no address that nodes could use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error("Service {0} does not exist; create it, or declare where the registry is")]
    Missing(ServiceName),
    #[error("Service {0} is of the type ExternalName, so it has no address; name the registry itself by --address")]
    ExternalName(ServiceName),
    #[error("Service {0} has no cluster IP (it is headless), so nodes have no address for it; give it one")]
    Headless(ServiceName),
    #[error("Service {service} has no port {port}, but {found}; declare one of its ports")]
    NoPort { service: ServiceName, port: u16, found: String },
}

impl ServiceSpec {
    /// Where the Service is: its cluster IP, at this port.
    ///
    /// The scheme is that of the port's `appProtocol`, or that with which the port's name begins, unless one is given.
    ///
    /// # Errors
    /// A [`ServiceError`] if nodes cannot use it.
    pub(crate) fn url(
        &self,
        service: &ServiceName,
        port: u16,
        scheme: Option<Scheme>,
    ) -> Result<RegistryUrl, ServiceError> {
        if self.kind.as_deref() == Some("ExternalName") {
            return Err(ServiceError::ExternalName(service.clone()));
        }
        let address = self.cluster_ip.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
        let address = address.ok_or_else(|| ServiceError::Headless(service.clone()))?;
        let Some(found) = self.ports.iter().find(|found| found.is_tcp() && found.port == port) else {
            let ports: Vec<String> = self.ports.iter().map(|found| found.port.to_string()).collect();
            return Err(ServiceError::NoPort { service: service.clone(), port, found: ports.join(", ") });
        };
        let host = match address {
            IpAddr::V4(address) => format!("{address}:{port}"),
            IpAddr::V6(address) => format!("[{address}]:{port}"),
        };
        let host = RuntimeHost::parse(&host).map_err(|_| ServiceError::Headless(service.clone()))?;
        Ok(RegistryUrl { scheme: scheme.or_else(|| found.scheme()).unwrap_or(Scheme::Https), host })
    }
}

impl ServiceSpec {
    /// Whether a port says how it is spoken to.
    pub(crate) fn says_scheme(&self, port: u16) -> bool {
        self.ports.iter().any(|found| found.is_tcp() && found.port == port && found.scheme().is_some())
    }
}

impl ServicePort {
    fn is_tcp(&self) -> bool {
        self.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
    }

    /// How the port is spoken to, if it says so.
    pub(crate) fn scheme(&self) -> Option<Scheme> {
        let says = |text: &Option<String>| {
            let text = text.as_deref()?.to_ascii_lowercase();
            let first = text.split(['-', '/']).find(|part| part.starts_with("http"))?.to_owned();
            match first.as_str() {
                "https" => Some(Scheme::Https),
                "http" => Some(Scheme::Http),
                _ => None,
            }
        };
        says(&self.app_protocol).or_else(|| says(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> RuntimeHost {
        text.parse().unwrap()
    }

    fn place(name: &str, rules: &[&str]) -> Place {
        let rules: Vec<AddressRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Place::of(&host(name), &rules, "cluster.local")
    }

    fn service(port: u16, scheme: Option<Scheme>) -> Place {
        Place::Service { service: registry(), port, scheme }
    }

    fn registry() -> ServiceName {
        ServiceName { namespace: "infra".to_owned(), name: "registry".to_owned() }
    }

    #[test]
    fn a_name_of_a_service_leads_to_it() {
        assert_eq!(place("registry.infra.svc.cluster.local:5000", &[]), service(5000, None));
        assert_eq!(place("registry.infra.svc:5000", &[]), service(5000, None));
        assert_eq!(place("registry.infra.svc", &[]), service(443, None));
        for name in [
            "registry.infra.svc.example.com:5000",
            "registry.infra:5000",
            "a.registry.infra.svc:5000",
            "registry.svc:5000",
            "svc:5000",
            "10.0.0.5:5000",
            "[fd00::1]:5000",
            "kind-registry:5000",
        ] {
            assert_eq!(place(name, &[]), Place::Dns, "{name}");
        }
    }

    #[test]
    fn a_rule_comes_before_the_name() {
        let url = |scheme, text| Place::Url(RegistryUrl { scheme, host: host(text) });
        assert_eq!(
            place("kind-registry:5000", &["kind-registry:5000=http://10.0.0.5:5000"]),
            url(Scheme::Http, "10.0.0.5:5000")
        );
        assert_eq!(
            place("kind-registry:5000", &["kind-registry:5000=[fd00::1]:5000"]),
            url(Scheme::Https, "[fd00::1]:5000")
        );
        assert_eq!(place("kind-registry:5000", &["other:5000=10.0.0.5:5000"]), Place::Dns);
        assert_eq!(place("a:1", &["a:1=registry.infra.svc:5000"]), service(5000, None));
        assert_eq!(place("a:1", &["a:1=http://registry.infra.svc"]), service(80, Some(Scheme::Http)));
        assert_eq!(place("registry.infra.svc:5000", &["registry.infra.svc:5000=reg.io"]), url(Scheme::Https, "reg.io"));
    }

    #[test]
    fn rules_that_cannot_be_right() {
        let check =
            |text: &str, message: &str| assert_eq!(text.parse::<AddressRule>().unwrap_err().to_string(), message);
        check("a:1=ftp://reg.io", "the scheme is `ftp`; write `http` or `https`");
        check(
            "a:1=http://reg.io/v2",
            "`reg.io/v2` has a path; write only the host and port, without the `/` and what follows it",
        );
        check("A:1=reg.io", "`A:1` has an upper-case letter; write the host in lower case");
    }

    fn spec(address: &str, ports: &[(u16, &str, &str)]) -> ServiceSpec {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let ports = ports.iter().map(|(port, name, protocol)| ServicePort {
            port: *port,
            name: text(name),
            app_protocol: text(protocol),
            protocol: None,
        });
        ServiceSpec { cluster_ip: text(address), ports: ports.collect(), ..ServiceSpec::default() }
    }

    #[test]
    fn a_service_is_at_its_cluster_ip() {
        let url = |address: &str, name: &str, protocol: &str, scheme| {
            spec(address, &[(80, "other", ""), (5000, name, protocol)])
                .url(&registry(), 5000, scheme)
                .unwrap()
                .to_string()
        };
        assert_eq!(url("10.0.0.5", "registry", "http", None), "http://10.0.0.5:5000");
        assert_eq!(url("10.0.0.5", "registry", "https", None), "https://10.0.0.5:5000");
        assert_eq!(url("10.0.0.5", "http-registry", "", None), "http://10.0.0.5:5000");
        assert_eq!(url("10.0.0.5", "https", "", None), "https://10.0.0.5:5000");
        assert_eq!(url("10.0.0.5", "", "kubernetes.io/http", None), "http://10.0.0.5:5000");
        assert_eq!(url("10.0.0.5", "http", "https", None), "https://10.0.0.5:5000");
        assert_eq!(url("10.0.0.5", "", "", None), "https://10.0.0.5:5000");
        assert_eq!(url("fd00::5", "", "https", Some(Scheme::Http)), "http://[fd00::5]:5000");
    }

    #[test]
    fn services_that_nodes_cannot_use() {
        let check = |spec: ServiceSpec, message: &str| {
            assert_eq!(spec.url(&registry(), 5000, None).unwrap_err().to_string(), message);
        };
        let headless =
            "Service infra/registry has no cluster IP (it is headless), so nodes have no address for it; give it one";
        check(spec("None", &[(5000, "", "")]), headless);
        check(spec("", &[(5000, "", "")]), headless);
        check(
            spec("10.0.0.5", &[(80, "", ""), (443, "", "")]),
            "Service infra/registry has no port 5000, but 80, 443; declare one of its ports",
        );
        let external = ServiceSpec { kind: Some("ExternalName".to_owned()), ..ServiceSpec::default() };
        check(
            external,
            "Service infra/registry is of the type ExternalName, so it has no address; name the registry itself by --address",
        );
    }

    #[test]
    fn ports_of_hosts() {
        for (text, expected) in
            [("reg.io", None), ("reg.io:5000", Some(5000)), ("[fd00::1]", None), ("[fd00::1]:80", Some(80))]
        {
            assert_eq!(port(&host(text)), expected, "{text}");
        }
    }
}
