//! All policies that are checked, and what they are together.

use local_registry_cluster::guards::Guard;
use local_registry_cluster::policies::{PolicyName, Resources};
use local_registry_cluster::{Cluster, ClusterError, Selector};
use local_registry_core::RegistryHost;
use local_registry_core::text::with_causes;
use local_registry_declaration::Declared;

use super::checked::Checked;
use crate::builds::StoredBuilds;
use crate::link::Link;
use crate::safeguard::Safeguard;
use crate::scope::Scope;

/// The policies that are checked, each as it was found.
pub(crate) struct Policies<'a>(Vec<(&'a PolicyName, Result<Checked<'a>, NotFound>)>);

/// A policy that was not found.
struct NotFound {
    /// The link that says why.
    link: Link,
    /// Whether it is known that there is none.
    is_absent: bool,
}

impl<'a> Policies<'a> {
    /// Reads the policies of these names.
    pub(crate) async fn read(cluster: &Cluster, names: &'a [PolicyName], scope: &'a Scope) -> Self {
        let mut policies = Vec::new();
        for name in names {
            let found = cluster.policy(name).await;
            let failed = |error: ClusterError| NotFound {
                link: Link::failed(format!("policy {name}"), with_causes(&error)),
                is_absent: error.is_absence(),
            };
            policies.push((name, found.map(|policy| Checked::new(name, policy, scope)).map_err(failed)));
        }
        Self(policies)
    }

    /// Whether any has `insecure: true`.
    pub(crate) fn any_is_insecure(&self) -> bool {
        self.found().any(|policy| policy.spec.settings.insecure)
    }

    /// Whether policies for Builds were found, but none reads the Build that a BuildRun names.
    pub(crate) fn none_looks_builds_up(&self) -> bool {
        let mut for_builds = self.about(Resources::Builds).peekable();
        for_builds.peek().is_some() && !for_builds.any(|policy| policy.spec.settings.looks_builds_up())
    }

    /// Whether a policy for Builds rejects runs whose Build has an output outside of its namespace.
    pub(crate) fn any_keeps_namespaces_apart(&self) -> bool {
        let keeps_apart = |policy: &Checked<'_>| {
            policy.spec.settings.keeps_namespaces_apart() && policy.spec.settings.looks_builds_up()
        };
        self.about(Resources::Builds).any(keeps_apart)
    }

    /// The selectors of objects that the policies for Builds have.
    pub(crate) fn selectors_of_builds(&self) -> Vec<Selector> {
        self.about(Resources::Builds).filter_map(|policy| policy.spec.object_selector().ok().flatten()).collect()
    }

    /// The registries that the policies for Builds put in front of images.
    pub(crate) fn hosts_for_builds(&self) -> Vec<String> {
        self.about(Resources::Builds).filter_map(|policy| policy.spec.settings.host.clone()).collect()
    }

    /// The guards that belong to the policies, and whether each has to be there: beside a policy for one namespace there need
    /// not be any. What a policy that cannot be read is for shows in its name.
    pub(crate) fn guards(&self) -> Vec<(Guard, bool)> {
        let mut guards: Vec<(Guard, bool)> = Vec::new();
        for (name, found) in &self.0 {
            let about = found.as_ref().map_or_else(|_| Resources::likely_of(name), |policy| policy.about);
            for guard in Guard::beside(about) {
                let is_required = name.namespace().is_none();
                match guards.iter_mut().find(|(known, _)| known == guard) {
                    Some((_, known)) => *known |= is_required,
                    None => guards.push((*guard, is_required)),
                }
            }
        }
        guards.sort_unstable();
        guards
    }

    /// The links of each policy. `guarded`: the cluster's registry, if it asks for a password. `asked`: what becomes known of
    /// whether the API server asks the policies.
    pub(crate) async fn links(
        &self,
        asked: &mut Safeguard,
        declared: Option<&Declared>,
        guarded: Option<&RegistryHost>,
        stored: &StoredBuilds,
        cluster: &Cluster,
    ) -> Vec<Link> {
        let mut links = Vec::new();
        for (_, policy) in &self.0 {
            match policy {
                Ok(policy) => {
                    let mutates = |other: &Checked<'_>| other.spec.mutating && other.name.covers(policy.name);
                    let any_mutates = self.about(policy.about).any(mutates);
                    links.extend(policy.links(asked, any_mutates, declared, guarded, stored, cluster).await);
                }
                Err(NotFound { link, is_absent: true }) => links.push(asked.heed(link.clone())),
                Err(NotFound { link, is_absent: false }) => links.push(asked.heed_as_unknown(link.clone())),
            }
        }
        links
    }

    fn found(&self) -> impl Iterator<Item = &Checked<'a>> {
        self.0.iter().filter_map(|(_, found)| found.as_ref().ok())
    }

    fn about(&self, resources: Resources) -> impl Iterator<Item = &Checked<'a>> {
        self.found().filter(move |policy| policy.about == resources)
    }
}
