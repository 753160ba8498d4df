//! Services.

use std::collections::BTreeMap;
use std::fmt;

use kube::api::{Api, ListParams};
use serde::Deserialize;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::follow::{Content, Followed, Selection, Slim, Watch};
use crate::named::{Wanted, named};
use crate::pods::summaries;

/// The name of a Service. Prints as `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ServiceName {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { namespace: Some(&self.namespace), name: &self.name, plural: ServiceSpec::PLURAL }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is used of a Service's `spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// Its address; `None` as text for a headless Service.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// All of its addresses, one of each family that it has, that one first.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// `ClusterIP`, `ExternalName` and the like.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The labels of its pods.
    pub selector: Option<BTreeMap<String, String>>,
}

/// What is used of one port of a Service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// Its number.
    pub port: u16,
    /// Its name, such as `https-registry`.
    pub name: Option<String>,
    /// `appProtocol`, such as `http`.
    pub app_protocol: Option<String>,
    /// `TCP`, which is the default, `UDP` or `SCTP`.
    pub protocol: Option<String>,
}

impl ServiceSpec {
    /// All of its addresses as text, the first one first.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        let first = self.cluster_ip.as_ref();
        first
            .into_iter()
            .chain(self.cluster_ips.iter().filter(move |address| Some(*address) != first))
            .map(String::as_str)
    }
}

impl Content for ServiceSpec {
    const KIND: &'static str = "Service";
    const PLURAL: &'static str = "services";
    const FIELD: &'static str = "spec";
    const IS_REQUIRED: bool = true;
}

impl Cluster {
    /// A Service; `None` if there is none.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn service(&self, service: &ServiceName) -> Result<Option<ServiceSpec>, ClusterError> {
        let api: Api<Slim<ServiceSpec>> = Api::namespaced(self.client.clone(), &service.namespace);
        let found = named(&api, service.wanted(), &call(service, "get")).await?;
        Ok(found.map(Slim::into_content))
    }

    /// The cluster IPs of all Services of a namespace.
    ///
    /// # Errors
    /// A [`ClusterError`] if they cannot be listed.
    pub async fn service_addresses(&self, namespace: &str) -> Result<Vec<String>, ClusterError> {
        let api: Api<Slim<ServiceSpec>> = Api::namespaced(self.client.clone(), namespace);
        let (subject, resource) = (format!("Services of {namespace}"), format!("services in {namespace}"));
        let call = Call { subject, verb: "list", resource };
        let found: Vec<Slim<ServiceSpec>> = summaries(&api, ListParams::default(), &call).await?;
        let services = found.into_iter().map(Slim::into_content);
        Ok(services.flat_map(|service| service.addresses().map(ToOwned::to_owned).collect::<Vec<_>>()).collect())
    }

    /// Follows a Service.
    #[must_use]
    pub fn follow_service(&self, service: &ServiceName) -> Followed<ServiceSpec> {
        let one = Selection::One { namespace: Some(service.namespace.clone()), name: service.name.clone() };
        let service = service.clone();
        let call = move |verb| call(&service, verb);
        Followed::new(Watch::new(self.client.clone(), one, self.ended_watches(), call))
    }
}

/// A call about a Service.
fn call(ServiceName { namespace, name }: &ServiceName, verb: &'static str) -> Call {
    Call { subject: format!("Service {namespace}/{name}"), verb, resource: format!("services/{name} in {namespace}") }
}
