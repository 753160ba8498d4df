//! Whether the declared name leads to a Service with pods that are ready.

use local_registry_cluster::Cluster;
use local_registry_cluster::services::{AddressFamily, ServiceError, ServiceName};
use local_registry_core::RuntimeHost;
use local_registry_core::registry::Scheme;
use local_registry_core::text::with_causes;

use crate::link::Link;
use crate::pods::ready_pods;

/// The name of the link of the registry's pods.
const PODS: &str = "registry pods";

/// A declared name that is the name of a Service.
pub(crate) struct Target {
    pub(super) service: ServiceName,
    port: u16,
}

impl Target {
    /// The first of the names that is the name of a Service.
    pub(crate) fn named_by(names: &[RuntimeHost], cluster_domain: &str) -> Option<Self> {
        names.iter().find_map(|name| {
            let service = ServiceName::named_by(name, cluster_domain)?;
            Some(Self { service, port: name.port().unwrap_or(Scheme::Https.port()) })
        })
    }
}

/// The links of the Service and of its pods.
pub(crate) async fn service(cluster: &Cluster, target: &Target) -> Vec<Link> {
    let Target { service, port } = target;
    let subject = format!("Service {service}");
    let spec = match cluster.service(service).await {
        Err(error) => return vec![Link::warning(subject, with_causes(&error))],
        Ok(None) => return vec![Link::failed(subject, ServiceError::missing(service.clone()).to_string())],
        Ok(Some(spec)) => spec,
    };
    let link = match spec.url(service, *port, None, AddressFamily::Any) {
        Ok(url) if spec.says_scheme(*port) => Link::ok(&subject, format!("it is at {url}")),
        Ok(url) => Link::warning(&subject, format!("it is at {url}, if it has TLS: the port does not say so"))
            .remedy("set appProtocol of the port to http or https"),
        Err(error) => return vec![Link::failed(subject, error.to_string())],
    };
    let pods = match spec.selector.filter(|selector| !selector.is_empty()) {
        Some(selector) => {
            let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
            ready_pods(cluster, PODS, &service.namespace, &selector.join(","), "start the registry").await
        }
        None => Link::warning(PODS, format!("{subject} has no selector, so its pods are not known")),
    };
    vec![link, pods]
}
