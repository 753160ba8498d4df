//! Whether Builds are in a namespace in which the policy is not asked.

use local_registry_cluster::policies::{PolicyWebhook, Resources};
use local_registry_cluster::{Cluster, Listed};
use local_registry_core::text::with_causes;

use super::checked::Checked;
use super::selectors::{Namespace, unreadable};
use crate::builds::StoredBuilds;
use crate::link::Link;
use crate::names::Names;

impl Checked<'_> {
    /// Whether the webhook leaves out a namespace in which Builds are. Says nothing where there are none, and of a policy for
    /// one namespace: whether the webhook leaves out more than the policy says is known without.
    ///
    /// Kubewarden exempts its own namespace from every webhook, which does no harm as long as no Build is there.
    pub(super) async fn namespaces(
        &self,
        webhook: &PolicyWebhook,
        stored: &StoredBuilds,
        cluster: &Cluster,
    ) -> Option<Link> {
        if self.about != Resources::Builds || self.name.namespace().is_some() {
            return None;
        }
        let link = self.link_of("namespaces");
        let with_builds = match stored.namespaces() {
            Ok(found) if found.is_empty() => return None,
            Ok(found) => found,
            Err(error) => {
                let seen = format!("it is not known whether Builds are where it is not asked: {error}");
                return Some(Link::warning(link, seen));
            }
        };
        let holds = Link::ok(&link, "it is asked in every namespace that has Builds");
        let selector = match webhook.question().written_namespace_selector() {
            Ok(None) => return Some(holds),
            Ok(Some(selector)) => selector,
            Err(error) => return Some(unreadable(link, &error)),
        };
        let mut left_out = Names::default();
        let show = |Namespace { metadata }| {
            if with_builds.contains(&metadata.name) && !selector.matches(&metadata.labels) {
                left_out.push(|| metadata.name);
            }
        };
        Some(match cluster.each(Listed::Namespaces, show).await {
            Err(error) => Link::warning(link, with_causes(&error)),
            Ok(()) if left_out.count() == 0 => holds,
            Ok(()) => {
                let seen = format!(
                    "the webhook sees only namespaces with {selector}, so it is not asked in {left_out}, where Builds are"
                );
                let remedy = "move the Builds elsewhere if that is Kubewarden's own namespace; otherwise remove what exempts it: the policy's namespaceSelector, or the webhook, which Kubewarden's controller makes again";
                Link::failed(link, seen).remedy(remedy)
            }
        })
    }
}
