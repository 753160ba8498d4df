//! Whether the API server asks the policy at all.

use local_registry_cluster::Cluster;
use local_registry_cluster::policies::PolicyWebhook;
use local_registry_core::Quoted;
use local_registry_core::text::with_causes;

use super::checked::Checked;
use crate::link::Link;
use crate::pods::ready_pods;

impl Checked<'_> {
    /// The links of the policy's webhook, and of the policy server that it leads to.
    ///
    /// The policy's status does not show either: it stays as it was when somebody deletes the webhook while the controller is
    /// away, and when the policy server is scaled to nothing.
    pub(super) async fn webhook(&self, cluster: &Cluster) -> Vec<Link> {
        let link = self.link_of("webhook");
        let (kind, name) = (PolicyWebhook::kind(self.spec.mutating), self.name.unique_name());
        let webhook = match cluster.policy_webhook(self.name, self.spec.mutating).await {
            Err(error) => return vec![Link::warning(link, with_causes(&error))],
            Ok(None) => {
                let seen = format!(
                    "there is no {kind} {name}, or it is empty: the API server does not ask the policy, and what is local is stored as it is written, or refused by a guard"
                );
                let remedy = "see that Kubewarden's controller runs, and that the policy's PolicyServer exists; the controller makes the webhook again";
                return vec![Link::failed(link, seen).remedy(remedy)];
            }
            Ok(Some(webhook)) => webhook,
        };
        let faults = self.faults_of(&webhook, &format!("/validate/{name}"));
        if !faults.is_empty() {
            let remedy = "see that Kubewarden's controller runs: it corrects what others change";
            return vec![Link::failed(link, faults.join(", ")).remedy(remedy)];
        }
        let mut links = vec![Link::ok(link, format!("the API server asks it at {}", address(&webhook)))];
        if webhook.service.is_some() {
            let selector = format!("kubewarden/policy-server={}", self.spec.policy_server());
            let remedy = "start the policy server: until then, what may be local is refused";
            links.push(
                ready_pods(cluster, &self.link_of("server"), &self.scope.policy_servers, &selector, remedy).await,
            );
        }
        links
    }

    fn faults_of(&self, webhook: &PolicyWebhook, path: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let expected = format!("{}/policy-server-{}", self.scope.policy_servers, self.spec.policy_server());
        if let Some(service) = webhook.service.as_ref().filter(|service| service.to_string() != expected) {
            faults.push(format!("it calls the Service {}, not {expected}", Quoted(&service.to_string())));
        }
        if !webhook.path.ends_with(path) {
            faults.push(format!("it calls {}, not {path}", Quoted(&webhook.path)));
        }
        if !webhook.has_authority {
            faults.push("it has no caBundle, so the API server trusts no policy server".to_owned());
        }
        if webhook.failure_policy != "Fail" {
            faults.push(format!("its failurePolicy is {}, not Fail", Quoted(&webhook.failure_policy)));
        }
        faults
    }
}

/// What the API server calls.
fn address(webhook: &PolicyWebhook) -> String {
    match &webhook.service {
        Some(service) => format!("{service}{}", webhook.path),
        None => webhook.path.clone(),
    }
}
