//! Whether the API server asks the policy at all.

use local_registry_cluster::Cluster;
use local_registry_cluster::policies::PolicyWebhook;
use local_registry_core::Quoted;
use local_registry_core::text::with_causes;
use serde::Deserialize;

use super::checked::Checked;
use super::spec::{MatchCondition, PolicySpec};
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
        let faults = [self.faults_of_address(&webhook), self.faults_of_question(&webhook)].concat();
        if !faults.is_empty() {
            let remedy = "see that Kubewarden's controller runs: it corrects what others change";
            return Err(Link::failed(link, faults.join(", ")).remedy(remedy));
        }
        Ok((Link::ok(link, format!("the API server asks it at {}", address(&webhook))), webhook))
    }

    /// The link of the policy server that the webhook leads to. The policy's status stays as it was when that is scaled to
    /// nothing.
    pub(super) async fn server(&self, webhook: &PolicyWebhook, cluster: &Cluster) -> Option<Link> {
        webhook.service.as_ref()?;
        let selector = format!("kubewarden/policy-server={}", self.spec.policy_server());
        let remedy = "start the policy server: until then, what may be local is refused";
        Some(ready_pods(cluster, &self.link_of("server"), &self.scope.policy_servers, &selector, remedy).await)
    }

    /// What is wrong with where the webhook leads, and with what becomes of a request that is not answered.
    fn faults_of_address(&self, webhook: &PolicyWebhook) -> Vec<String> {
        let expected = format!("{}/policy-server-{}", self.scope.policy_servers, self.spec.policy_server());
        let service = webhook.service.as_ref().map(ToString::to_string).filter(|service| *service != expected);
        let service = service.map(|service| format!("it calls the Service {}, not {expected}", Quoted(&service)));
        service.into_iter().chain(webhook.faults(self.name)).collect()
    }

    /// What the webhook leaves out, although the policy does not. Namespaces have a link of their own.
    ///
    /// A webhook that asks about more is fine: the policy has been changed, and Kubewarden has not rolled it out yet.
    fn faults_of_question(&self, webhook: &PolicyWebhook) -> Vec<String> {
        let mut faults = Vec::new();
        let asked = asked_by(webhook);
        let missing = self.left_out_by(&asked.rules);
        if !missing.is_empty() {
            faults.push(format!("its rules leave out {missing}"));
        }
        match (asked.object_selector(), self.spec.object_selector()) {
            (Ok(Some(found)), Ok(expected)) if Some(&found) != expected.as_ref() => {
                faults.push(format!("its objectSelector is {found}, which is not that of the policy"));
            }
            _ => {}
        }
        let (shipped, _) = self.shipped_conditions();
        let known: Vec<String> =
            self.spec.match_conditions.iter().chain(&shipped).map(MatchCondition::expression).collect();
        let others = asked.match_conditions.iter().filter(|condition| !known.contains(&condition.expression()));
        let others: Vec<&str> = others.map(|condition| condition.name.as_str()).collect();
        if !others.is_empty() {
            faults.push(format!("it has matchConditions that the policy does not have: {}", others.join(", ")));
        }
        faults
    }
}

/// What the webhook asks about. Its fields are named as those of a policy's spec.
pub(super) fn asked_by(webhook: &PolicyWebhook) -> PolicySpec {
    PolicySpec::deserialize(webhook.fields()).unwrap_or_default()
}

/// What the API server calls.
fn address(webhook: &PolicyWebhook) -> String {
    match &webhook.service {
        Some(service) => format!("{service}{}", webhook.path),
        None => webhook.path.clone(),
    }
}
