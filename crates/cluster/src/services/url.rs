//! Where a Service is: its name in a host, and the URL of one of its ports.

use std::net::IpAddr;

use local_registry_core::RuntimeHost;
use local_registry_core::registry::{RegistryUrl, Scheme};
use local_registry_core::text::is_object_name;

use crate::services::service::{ServiceName, ServicePort, ServiceSpec};

impl ServiceName {
    /// The Service that a host names: `name.namespace.svc`, with or without the cluster's domain.
    #[must_use]
    pub fn named_by(host: &RuntimeHost, cluster_domain: &str) -> Option<Self> {
        let name = host.name();
        let name = name.strip_suffix(cluster_domain).and_then(|name| name.strip_suffix('.')).unwrap_or(name);
        let (name, namespace) = name.strip_suffix(".svc")?.split_once('.')?;
        let are_labels = [name, namespace].iter().all(|label| is_object_name(label) && !label.contains('.'));
        are_labels.then(|| Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// Which addresses of a Service can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4 and IPv6.
    Any,
    /// IPv4 only.
    Ipv4,
}

impl AddressFamily {
    fn has(self, address: IpAddr) -> bool {
        self == Self::Any || address.is_ipv4()
    }
}

/// Why a Service has no address that nodes could use, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct ServiceError(#[from] ServiceErrorKind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ServiceErrorKind {
    #[error("Service {0} does not exist; create it, or declare where the registry is")]
    Missing(ServiceName),
    #[error("Service {0} is of the type ExternalName, so it has no address; name the registry itself by --address")]
    ExternalName(ServiceName),
    #[error("Service {0} has no cluster IP (it is headless), so nodes have no address for it; give it one")]
    Headless(ServiceName),
    #[error(
        "Service {service} has no IPv4 address, but {address}; give it one (`ipFamilyPolicy: PreferDualStack`), or name one by --address"
    )]
    NoIpv4 { service: ServiceName, address: IpAddr },
    #[error("Service {service} has no port {port}, but {found}; declare one of its ports")]
    NoPort { service: ServiceName, port: u16, found: String },
}

impl ServiceError {
    /// The error of a Service that does not exist.
    #[must_use]
    pub fn missing(service: ServiceName) -> Self {
        ServiceErrorKind::Missing(service).into()
    }
}

impl ServiceSpec {
    /// Where the Service is: the first of its cluster IPs that is of this family, at this port.
    ///
    /// The scheme is that of the port's `appProtocol`, or that with which the port's name begins, unless one is given.
    ///
    /// # Errors
    /// A [`ServiceError`] if nodes cannot use it.
    pub fn url(
        &self,
        service: &ServiceName,
        port: u16,
        scheme: Option<Scheme>,
        family: AddressFamily,
    ) -> Result<RegistryUrl, ServiceError> {
        if self.kind.as_deref() == Some("ExternalName") {
            return Err(ServiceErrorKind::ExternalName(service.clone()).into());
        }
        let addresses = self.addresses().filter_map(|address| address.parse::<IpAddr>().ok());
        let addresses: Vec<IpAddr> = addresses.collect();
        let first = *addresses.first().ok_or_else(|| ServiceErrorKind::Headless(service.clone()))?;
        let address = addresses.iter().find(|address| family.has(**address));
        let no_ipv4 = || ServiceErrorKind::NoIpv4 { service: service.clone(), address: first };
        let address = *address.ok_or_else(no_ipv4)?;
        let Some(found) = self.ports.iter().find(|found| found.is_tcp() && found.port == port) else {
            let ports: Vec<String> = self.ports.iter().map(|found| found.port.to_string()).collect();
            return Err(ServiceErrorKind::NoPort { service: service.clone(), port, found: ports.join(", ") }.into());
        };
        let host = match address {
            IpAddr::V4(address) => format!("{address}:{port}"),
            IpAddr::V6(address) => format!("[{address}]:{port}"),
        };
        let host = RuntimeHost::parse(&host).map_err(|_| ServiceErrorKind::Headless(service.clone()))?;
        Ok(RegistryUrl { scheme: scheme.or_else(|| found.scheme()).unwrap_or(Scheme::Https), host })
    }

    /// Whether a port says how it is spoken to.
    #[must_use]
    pub fn says_scheme(&self, port: u16) -> bool {
        self.ports.iter().any(|found| found.is_tcp() && found.port == port && found.scheme().is_some())
    }
}

impl ServicePort {
    fn is_tcp(&self) -> bool {
        self.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
    }

    /// How the port is spoken to, if it says so.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
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

    fn registry() -> ServiceName {
        ServiceName { namespace: "infra".to_owned(), name: "registry".to_owned() }
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
                .url(&registry(), 5000, scheme, AddressFamily::Any)
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
    fn a_service_has_an_address_of_each_family() {
        let both = ServiceSpec {
            cluster_ips: vec!["fd00::5".to_owned(), "10.0.0.5".to_owned()],
            ..spec("fd00::5", &[(5000, "http", "")])
        };
        let url = |family| both.url(&registry(), 5000, None, family).unwrap().to_string();
        assert_eq!(url(AddressFamily::Any), "http://[fd00::5]:5000");
        assert_eq!(url(AddressFamily::Ipv4), "http://10.0.0.5:5000");
    }

    #[test]
    fn services_that_nodes_cannot_use() {
        let check = |spec: ServiceSpec, message: &str| {
            assert_eq!(spec.url(&registry(), 5000, None, AddressFamily::Ipv4).unwrap_err().to_string(), message);
        };
        let headless =
            "Service infra/registry has no cluster IP (it is headless), so nodes have no address for it; give it one";
        check(spec("None", &[(5000, "", "")]), headless);
        check(spec("", &[(5000, "", "")]), headless);
        check(
            spec("10.0.0.5", &[(80, "", ""), (443, "", "")]),
            "Service infra/registry has no port 5000, but 80, 443; declare one of its ports",
        );
        check(
            spec("fd00::5", &[(5000, "", "")]),
            "Service infra/registry has no IPv4 address, but fd00::5; give it one (`ipFamilyPolicy: PreferDualStack`), or name one by --address",
        );
        let external = ServiceSpec { kind: Some("ExternalName".to_owned()), ..ServiceSpec::default() };
        check(
            external,
            "Service infra/registry is of the type ExternalName, so it has no address; name the registry itself by --address",
        );
    }
}
