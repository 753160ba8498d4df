//! Whether the API server asks the policy at all.

use local_registry_cluster::Cluster;
use local_registry_cluster::policies::{ExpectedWebhook, PolicyWebhook};
use local_registry_core::text::with_causes;

use super::checked::Checked;
use crate::link::Link;
use crate::pods::ready_pods;

impl Checked<'_> {
    /// The link of the policy's webhook, and the webhook if it is as it should be.
    ///
    /// The policy's status does not show it: it stays as it was when somebody deletes or changes the webhook while the
    /// controller is away.
    ///
    /// # Errors
    /// The link that says what is wrong with the webhook.
    pub(super) async fn webhook(&self, cluster: &Cluster) -> Result<(Link, PolicyWebhook), Link> {
        let link = self.link_of("webhook");
        let (kind, name) = (PolicyWebhook::kind(self.spec.mutating), self.name.unique_name());
        let webhook = match cluster.policy_webhook(self.name, self.spec.mutating).await {
            Err(error) => return Err(Link::warning(link, with_causes(&error))),
            Ok(None) => {
                let seen = format!(
                    "there is no {kind} {name}, or it is empty: the API server does not ask the policy, and what is local is stored as it is written, or refused by a guard"
                );
                let remedy = "see that Kubewarden's controller runs, and that the policy's PolicyServer exists; the controller makes the webhook again";
                return Err(Link::failed(link, seen).remedy(remedy));
            }
            Ok(Some(webhook)) => webhook,
        };
        let expected = ExpectedWebhook {
            name: self.name,
            about: self.about,
            spec: &self.spec,
            servers: &self.scope.policy_servers,
        };
        let faults = webhook.faults(&expected);
        if !faults.is_empty() {
            let remedy = "see that Kubewarden's controller runs: it corrects what others change";
            return Err(Link::failed(link, faults.join(", ")).remedy(remedy));
        }
        Ok((Link::ok(link, format!("the API server asks it at {}", webhook.address())), webhook))
    }

    /// The links of the policy server that the webhook leads to: of its Service, if that is not there or has another port, and of
    /// its pods. The policy's status stays as it was when somebody deletes the one, or scales the others to nothing.
    pub(super) async fn server(&self, webhook: &PolicyWebhook, cluster: &Cluster) -> Vec<Link> {
        let (Some(service), Ok(server)) = (&webhook.service, self.spec.policy_server()) else { return Vec::new() };
        let link = self.link_of("service");
        let remedy = "see that Kubewarden's controller runs: it makes the Service of a policy server again";
        let port = webhook.port;
        let fault = match cluster.service(service).await {
            Err(error) => Some(Link::warning(link, with_causes(&error))),
            Ok(None) => {
                let seen = format!("there is no Service {service}, so what the policy is asked about is refused");
                Some(Link::failed(link, seen).remedy(remedy))
            }
            Ok(Some(found)) if !found.ports.iter().any(|found| found.port == port) => {
                let seen = format!(
                    "the Service {service} has no port {port}, which the webhook calls, so what the policy is asked about is refused"
                );
                Some(Link::failed(link, seen).remedy(remedy))
            }
            Ok(Some(_)) => None,
        };
        let selector = format!("kubewarden/policy-server={server}");
        let remedy = "start the policy server, or name its namespace by --kubewarden-namespace: until it runs, what may be local is refused";
        let pods = ready_pods(cluster, &self.link_of("server"), &self.scope.policy_servers, &selector, remedy).await;
        fault.into_iter().chain([pods]).collect()
    }
}
