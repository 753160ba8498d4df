//! Where the declared names lead on one node, by the report of the agent that runs there.

use std::net::IpAddr;

use local_registry_cluster::pods::NodeSummary;
use local_registry_cluster::services::ServiceName;
use local_registry_core::RuntimeHost;
use local_registry_node::{NameResult, Report, RuntimeConfig, RuntimeReads, State};

use super::agents::Agents;
use crate::link::Link;

/// What every agent is asked about.
pub(super) struct Question<'a> {
    pub(super) agents: &'a Agents<'a>,
    /// The declared names.
    pub(super) names: &'a [RuntimeHost],
    /// The declared name that the portable one stands for, if it stands for one.
    pub(super) portable: Option<&'a RuntimeHost>,
    pub(super) cluster_domain: &'a str,
    /// The cluster IPs of the Services that a declared name may lead to; `None` if no name is that of a Service.
    pub(super) service_addresses: Option<Vec<IpAddr>>,
}

/// Where the names lead on a node that is in line.
pub(super) struct Found {
    pub(super) addresses: Vec<String>,
    /// Whether the agent knows the portable name, if it stands for a declared one. Older agents do not.
    pub(super) knows_portable: bool,
}

impl Question<'_> {
    /// Where the names lead on a node, by its agent.
    ///
    /// # Errors
    /// The link that says what is wrong there.
    pub(super) async fn ask(&self, node: &NodeSummary) -> Result<Found, Link> {
        let link = format!("node {}", node.name);
        let Some(pod) = self.agents.of(node) else {
            let link = Link::failed(link, "no agent runs there");
            return Err(link.remedy("see which nodes the DaemonSet local-registry-node leaves out, and why"));
        };
        let report = self.agents.report(pod).await.map_err(|error| {
            let trouble = if node.is_ready { pod.trouble.as_deref() } else { Some("the node is not ready") };
            let trouble = trouble.map_or_else(String::new, |trouble| format!(" ({trouble})"));
            Link::failed(&link, format!("its agent does not report: {error}{trouble}"))
                .remedy(format!("see the log of {}/{}", self.agents.namespace, pod.name))
        })?;
        if report.state != State::Declared {
            return Err(Link::failed(link, format!("its agent says: {}", report.message)));
        }
        let mut addresses = Vec::new();
        for name in self.names {
            let address = self.address(name, name, &report);
            addresses.extend(address.map_err(|reason| Link::failed(&link, format!("{name}: {reason}")))?);
        }
        let name = RuntimeHost::portable();
        let mut knows_portable = true;
        if let Some(stands_for) = self.portable {
            knows_portable = report.names.iter().any(|found| found.name == name.as_str());
            if knows_portable {
                let address = self.address(&name, stands_for, &report);
                addresses.extend(address.map_err(|reason| Link::failed(&link, format!("{name}: {reason}")))?);
            }
        }
        match report.runtime {
            Some(RuntimeConfig { reads: RuntimeReads::No, seen, remedy }) => {
                Err(Link { remedy, ..Link::failed(link, seen) })
            }
            Some(RuntimeConfig { reads: RuntimeReads::Unknown, seen, remedy }) => {
                Err(Link { remedy, ..Link::warning(link, seen) })
            }
            Some(RuntimeConfig { reads: RuntimeReads::Yes, .. }) | None => Ok(Found { addresses, knows_portable }),
        }
    }

    /// Where a name leads by the report, or what is wrong with it.
    fn address(&self, name: &RuntimeHost, stands_for: &RuntimeHost, report: &Report) -> Result<Option<String>, String> {
        let Some(found) = report.names.iter().find(|found| found.name == name.as_str()) else {
            return Err(format!("its agent does not know the name: {}", report.message));
        };
        match &found.result {
            NameResult::Unchanged | NameResult::Written { .. } | NameResult::LeftToDns => {}
            other => return Err(other.reason().unwrap_or(other.name()).to_owned()),
        }
        if let (Some(address), Some(known)) = (&found.address, &self.service_addresses)
            && ServiceName::named_by(stands_for, self.cluster_domain).is_some()
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
