//! Whether the declared name leads to a Service with pods that are ready.

use std::collections::BTreeMap;

use local_registry_cluster::Cluster;
use local_registry_cluster::services::{AddressFamily, ServiceError, ServiceName};
use local_registry_core::RuntimeHost;
use local_registry_core::registry::Scheme;
use local_registry_core::text::with_causes;

use crate::link::Link;

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
        Some(selector) => pods(cluster, &service.namespace, &selector).await,
        None => Link::warning("registry pods", format!("{subject} has no selector, so its pods are not known")),
    };
    vec![link, pods]
}

async fn pods(cluster: &Cluster, namespace: &str, selector: &BTreeMap<String, String>) -> Link {
    let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let selector = selector.join(",");
    let pods = match cluster.pods(namespace, &selector).await {
        Ok(pods) => pods,
        Err(error) => return Link::warning("registry pods", with_causes(&error)),
    };
    let ready = pods.iter().filter(|pod| pod.trouble.is_none()).count();
    let seen = format!("{ready} of {} ready in {namespace}, by the labels {selector}", pods.len());
    let trouble = pods.iter().find_map(|pod| Some((&pod.name, pod.trouble.as_ref()?)));
    match (ready, trouble) {
        (0, None) => Link::failed("registry pods", seen).remedy("start the registry"),
        (0, Some((name, trouble))) => Link::failed("registry pods", format!("{seen}; {name}: {trouble}"))
            .remedy(format!("see `kubectl describe pod --namespace {namespace} {name}`, and its log")),
        (_, Some((name, trouble))) => Link::warning("registry pods", format!("{seen}; {name}: {trouble}")),
        (_, None) => Link::ok("registry pods", seen),
    }
}
