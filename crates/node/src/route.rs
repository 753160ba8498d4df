//! Where a name leads: to a Service, to an address, or wherever the node's DNS says.

use std::fmt;
use std::str::FromStr;

use local_registry_cluster::services::ServiceName;
use local_registry_core::registry::{HostError, RegistryUrl, Scheme};
use local_registry_core::{Quoted, RegistryHost, RuntimeHost};

use super::name::Name;

/// `NAME=[SCHEME://]HOST[:PORT]`: the operator's word on where a declared name leads.
///
/// ```
/// use local_registry_node::AddressRule;
///
/// let rule: AddressRule = "kind-registry:5000=http://172.18.0.5:5000".parse()?;
/// assert_eq!(rule.to_string(), "kind-registry:5000=http://172.18.0.5:5000");
///
/// let error = "kind-registry:5000".parse::<AddressRule>().unwrap_err();
/// assert_eq!(error.to_string(), "expected NAME=[SCHEME://]HOST[:PORT], as in `kind-registry:5000=http://172.18.0.5:5000`");
/// # Ok::<(), local_registry_node::AddressRuleError>(())
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
        let (name, target) = text.split_once('=').ok_or(AddressRuleError(AddressRuleErrorKind::Form))?;
        let (scheme, host) = match target.split_once("://") {
            None => (None, target),
            Some(("http", host)) => (Some(Scheme::Http), host),
            Some(("https", host)) => (Some(Scheme::Https), host),
            Some((other, _)) => return Err(AddressRuleError(AddressRuleErrorKind::Scheme(other.to_owned()))),
        };
        let parse = |text| RuntimeHost::parse(text).map_err(|error| AddressRuleError(error.into()));
        Ok(Self { name: parse(name)?, scheme, host: parse(host)? })
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
pub(super) enum Route {
    /// To this Service, at this port of it.
    Service { service: ServiceName, port: u16, scheme: Option<Scheme> },
    /// To this URL.
    Url(RegistryUrl),
    /// To wherever the node's DNS says. The runtime needs no file for that.
    Dns,
}

impl Route {
    /// Where a name leads: by the first rule about it; or as the declared name that it stands for, by the first rule about
    /// that; or by itself.
    pub(super) fn new(name: &Name, rules: &[AddressRule], cluster_domain: &str) -> Self {
        let about = |host: &RuntimeHost| rules.iter().find(|rule| rule.name == *host);
        let rule = about(&name.host).or_else(|| about(name.stands_for.as_ref()?));
        let itself = name.stands_for.as_ref().unwrap_or(&name.host);
        let (scheme, host) = rule.map_or((None, itself), |rule| (rule.scheme, &rule.host));
        if let Some(service) = ServiceName::named_by(host, cluster_domain) {
            let port = host.port().unwrap_or_else(|| scheme.unwrap_or(Scheme::Https).port());
            return Self::Service { service, port, scheme };
        }
        match rule {
            Some(_) => Self::Url(RegistryUrl { scheme: scheme.unwrap_or(Scheme::Https), host: host.clone() }),
            // The node's DNS knows the declared name, and not this one.
            None if name.stands_for.is_some() => {
                Self::Url(RegistryUrl { scheme: assumed_scheme(host), host: host.clone() })
            }
            None => Self::Dns,
        }
    }
}

/// How a runtime speaks to a host that it has no file for: by plain HTTP to the node itself, and by HTTPS to any other.
fn assumed_scheme(host: &RuntimeHost) -> Scheme {
    // What is valid for nodes and not for pods is a loopback name.
    if RegistryHost::parse(host.as_str()).is_ok() { Scheme::Https } else { Scheme::Http }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> RuntimeHost {
        text.parse().unwrap()
    }

    fn route(name: &str, rules: &[&str]) -> Route {
        let rules: Vec<AddressRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Route::new(&host(name).into(), &rules, "cluster.local")
    }

    /// Where the portable name leads, where it stands for this one.
    fn portable(stands_for: &str, rules: &[&str]) -> Route {
        let rules: Vec<AddressRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Route::new(&Name::portable(host(stands_for)), &rules, "cluster.local")
    }

    fn service(port: u16, scheme: Option<Scheme>) -> Route {
        Route::Service { service: registry(), port, scheme }
    }

    fn registry() -> ServiceName {
        ServiceName { namespace: "infra".to_owned(), name: "registry".to_owned() }
    }

    #[test]
    fn a_name_of_a_service_leads_to_it() {
        assert_eq!(route("registry.infra.svc.cluster.local:5000", &[]), service(5000, None));
        assert_eq!(route("registry.infra.svc:5000", &[]), service(5000, None));
        assert_eq!(route("registry.infra.svc", &[]), service(443, None));
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
            assert_eq!(route(name, &[]), Route::Dns, "{name}");
        }
    }

    #[test]
    fn a_rule_comes_before_the_name() {
        let url = |scheme, text| Route::Url(RegistryUrl { scheme, host: host(text) });
        assert_eq!(
            route("kind-registry:5000", &["kind-registry:5000=http://10.0.0.5:5000"]),
            url(Scheme::Http, "10.0.0.5:5000")
        );
        assert_eq!(
            route("kind-registry:5000", &["kind-registry:5000=[fd00::1]:5000"]),
            url(Scheme::Https, "[fd00::1]:5000")
        );
        assert_eq!(route("kind-registry:5000", &["other:5000=10.0.0.5:5000"]), Route::Dns);
        assert_eq!(route("a:1", &["a:1=registry.infra.svc:5000"]), service(5000, None));
        assert_eq!(route("a:1", &["a:1=http://registry.infra.svc"]), service(80, Some(Scheme::Http)));
        assert_eq!(route("registry.infra.svc:5000", &["registry.infra.svc:5000=reg.io"]), url(Scheme::Https, "reg.io"));
    }

    #[test]
    fn the_portable_name_leads_to_where_the_declared_one_is() {
        let url = |scheme, text| Route::Url(RegistryUrl { scheme, host: host(text) });
        let (kit, kind) = ("registry.infra.svc:5000", "kind-registry:5000");
        assert_eq!(portable(kit, &[]), service(5000, None));
        assert_eq!(portable("registry.infra.svc", &[]), service(443, None));
        assert_eq!(portable(kind, &[]), url(Scheme::Https, kind));
        for loopback in ["localhost:5001", "localhost", "127.0.0.1:5000", "[::1]:5000"] {
            assert_eq!(portable(loopback, &[]), url(Scheme::Http, loopback));
        }
        let declared = "kind-registry:5000=http://10.0.0.5:5000";
        assert_eq!(portable(kind, &[declared]), url(Scheme::Http, "10.0.0.5:5000"));
        let own = "local-registry:5000=http://10.0.0.6:5000";
        assert_eq!(portable(kind, &[declared, own]), url(Scheme::Http, "10.0.0.6:5000"));
        assert_eq!(portable(kit, &[own]), url(Scheme::Http, "10.0.0.6:5000"));
        assert_eq!(portable(kind, &["local-registry:5000=registry.infra.svc:5000"]), service(5000, None));
        assert_eq!(route(kit, &[own]), service(5000, None), "a rule about the portable name is about no other");
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
}
