//! Where the declared names lead on one node, by the report of the agent that runs there.

use std::net::IpAddr;

use local_registry_cluster::Cluster;
use local_registry_cluster::pods::{NodeSummary, PodSummary};
use local_registry_cluster::services::ServiceName;
use local_registry_core::RuntimeHost;
use local_registry_node::{NameResult, Report, RuntimeConfig, RuntimeReads, State};

use crate::link::Link;

/// The port of the agents' reports.
const PORT: u16 = 8080;

/// What every agent is asked about.
pub(super) struct Agents<'a> {
    pub(super) cluster: &'a Cluster,
    /// The agents' namespace.
    pub(super) namespace: &'a str,
    pub(super) names: &'a [RuntimeHost],
    pub(super) cluster_domain: &'a str,
    /// The cluster IPs of the Services that a declared name may lead to; `None` if no name is that of a Service.
    pub(super) service_addresses: Option<Vec<IpAddr>>,
}

impl Agents<'_> {
    /// Where the names lead on a node, by its agent.
    ///
    /// # Errors
    /// The link that says what is wrong there.
    pub(super) async fn node(&self, node: &NodeSummary, pod: Option<&PodSummary>) -> Result<Vec<String>, Link> {
        let link = format!("node {}", node.name);
        let Some(pod) = pod else {
            let link = Link::failed(link, "no agent runs there");
            return Err(link.remedy("see which nodes the DaemonSet local-registry-node leaves out, and why"));
        };
        let report = self.report(pod).await.map_err(|error| {
            let trouble = if node.is_ready { pod.trouble.as_deref() } else { Some("the node is not ready") };
            let trouble = trouble.map_or_else(String::new, |trouble| format!(" ({trouble})"));
            Link::failed(&link, format!("its agent does not report: {error}{trouble}"))
                .remedy(format!("see the log of {}/{}", self.namespace, pod.name))
        })?;
        if report.state != State::Declared {
            return Err(Link::failed(link, format!("its agent says: {}", report.message)));
        }
        let mut addresses = Vec::new();
        for name in self.names {
            let address = self.address(name, &report);
            addresses.extend(address.map_err(|reason| Link::failed(&link, format!("{name}: {reason}")))?);
        }
        match report.runtime {
            Some(RuntimeConfig { reads: RuntimeReads::No, seen, remedy }) => {
                Err(Link { remedy, ..Link::failed(link, seen) })
            }
            Some(RuntimeConfig { reads: RuntimeReads::Unknown, seen, remedy }) => {
                Err(Link { remedy, ..Link::warning(link, seen) })
            }
            Some(RuntimeConfig { reads: RuntimeReads::Yes, .. }) | None => Ok(addresses),
        }
    }

    async fn report(&self, pod: &PodSummary) -> Result<Report, String> {
        let report = self.cluster.ask_pod(self.namespace, &pod.name, PORT, "/report").await?;
        serde_json::from_slice(&report).map_err(|error| error.to_string())
    }

    /// Where a name leads by the report, or what is wrong with it.
    fn address(&self, name: &RuntimeHost, report: &Report) -> Result<Option<String>, String> {
        let Some(found) = report.names.iter().find(|found| found.name == name.as_str()) else {
            return Err(format!("its agent does not know the name: {}", report.message));
        };
        match &found.result {
            NameResult::Unchanged | NameResult::Written { .. } | NameResult::LeftToDns => {}
            other => return Err(other.reason().unwrap_or(other.name()).to_owned()),
        }
        if let (Some(address), Some(known)) = (&found.address, &self.service_addresses)
            && ServiceName::named_by(name, self.cluster_domain).is_some()
            && !ip(address).is_some_and(|ip| known.contains(&ip))
        {
            return Err(format!(
                "its file leads to {address}, which is no Service of the registry's namespace (by --address?)"
            ));
        }
        Ok(found.address.clone())
    }
}

/// The IP address of a registry's URL, if its host is one.
fn ip(url: &str) -> Option<IpAddr> {
    let (_, host) = url.split_once("://")?;
    let host = RuntimeHost::parse(host).ok()?;
    host.name().trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_url_is_without_its_port() {
        for (url, expected) in [
            ("http://10.0.0.5:5000", Some("10.0.0.5")),
            ("https://10.0.0.5", Some("10.0.0.5")),
            ("http://[fd00::1]:5000", Some("fd00::1")),
            ("https://[fd00::1]", Some("fd00::1")),
            ("https://[fd00:0:0::1]", Some("fd00::1")),
            ("https://reg.io:5000", None),
            ("10.0.0.5:5000", None),
            ("", None),
        ] {
            assert_eq!(ip(url), expected.map(|address| address.parse().unwrap()), "{url}");
        }
    }
}
