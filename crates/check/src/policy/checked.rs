//! A policy that is checked, and the order of its links.

use local_registry_cluster::Cluster;
use local_registry_cluster::policies::{Policy, PolicyFields, PolicyName, PolicySpec, PolicyStatus, Resources};
use local_registry_core::RegistryHost;
use local_registry_declaration::Declared;

use crate::builds::StoredBuilds;
use crate::link::{Link, LinkVerdict};
use crate::safeguard::Safeguard;
use crate::scope::Scope;

/// A policy that is checked. Each of its links is a method, in a file of its own.
pub(super) struct Checked<'a> {
    pub(super) name: &'a PolicyName,
    pub(super) about: Resources,
    pub(super) policy: Policy,
    pub(super) spec: PolicySpec,
    pub(super) status: PolicyStatus,
    pub(super) scope: &'a Scope,
}

impl<'a> Checked<'a> {
    pub(super) fn new(name: &'a PolicyName, policy: Policy, scope: &'a Scope) -> Self {
        let PolicyFields { spec, status } = policy.read();
        Self { name, about: policy.resources(), policy, spec, status, scope }
    }

    /// All links of the policy. `any_mutates`: whether one of the policies about the same resources mutates wherever
    /// this one is asked. `guarded`: the
    /// cluster's registry, if it asks for a password. `asked`: what becomes known of whether the API server asks the policy.
    pub(super) async fn links(
        &self,
        asked: &mut Safeguard,
        any_mutates: bool,
        declared: Option<&Declared>,
        guarded: Option<&RegistryHost>,
        stored: &StoredBuilds,
        cluster: &Cluster,
    ) -> Vec<Link> {
        let state = self.state();
        let is_served = state.verdict == LinkVerdict::Ok;
        let mut links = vec![state];
        match self.webhook(cluster).await {
            Err(link) => links.push(asked.heed(link)),
            Ok((link, webhook)) => {
                links.push(asked.heed(link));
                links.extend(self.server(&webhook, cluster).await.into_iter().map(|link| asked.heed(link)));
                links.extend(self.namespaces(&webhook, stored, cluster).await.map(|link| asked.heed(link)));
            }
        }
        links.extend(self.module(guarded, cluster).await);
        links.extend(self.purpose(any_mutates).into_iter().map(|link| asked.heed(link)));
        links.push(asked.heed(self.rules()));
        links.extend(self.selectors(stored, cluster).await.into_iter().map(|link| asked.heed(link)));
        links.push(asked.heed(self.match_conditions()));
        if let Some(declared) = declared {
            links.push(self.settings(declared, is_served));
            if self.about.are_workloads() {
                links.push(self.runtime_host(declared));
            }
        }
        links.push(self.rights(cluster).await);
        links
    }

    /// The name of the policy's first link.
    pub(super) fn link(&self) -> String {
        format!("policy {}", self.name)
    }

    /// The name of another link, such as `policy local rules`.
    pub(super) fn link_of(&self, part: &str) -> String {
        format!("policy {} {part}", self.name)
    }
}

/// A policy named `p`.
#[cfg(test)]
pub(super) fn checked(policy: serde_json::Value) -> Checked<'static> {
    use std::sync::LazyLock;

    static NAME: LazyLock<PolicyName> = LazyLock::new(|| "p".parse().unwrap());
    static SCOPE: LazyLock<Scope> = LazyLock::new(Scope::default);
    let policy: kube::core::DynamicObject = serde_json::from_value(policy).unwrap();
    Checked::new(&NAME, policy.into(), &SCOPE)
}
