//! The match conditions that this version ships.

use super::resources::Resources;
use super::spec::{MatchCondition, PolicyFields};

/// The manifests that are shipped: of a policy for the whole cluster, of a namespaced one, and of one for workloads.
const SHIPPED: [&str; 3] = [
    include_str!("../../../../deploy/policy/policy.yaml"),
    include_str!("../../../../deploy/policy-namespaced/policy.yaml"),
    include_str!("../../../../deploy/workloads/component/policy.yaml"),
];

/// The match conditions that are shipped for a policy.
#[derive(Debug)]
pub struct ShippedConditions {
    /// Them.
    pub conditions: Vec<MatchCondition>,
    /// The folder with the policy's manifest.
    pub folder: &'static str,
}

impl ShippedConditions {
    /// Those for a policy about these resources.
    #[must_use]
    pub fn of(about: Resources, is_namespaced: bool) -> Self {
        let [cluster_wide, namespaced, workloads] = SHIPPED;
        let (shipped, folder) = match about {
            Resources::Workloads => (workloads, "deploy/workloads"),
            Resources::Builds if is_namespaced => (namespaced, "deploy/policy-namespaced"),
            Resources::Builds => (cluster_wide, "deploy/policy"),
        };
        // A test parses each of them, so the default is never taken.
        let shipped: PolicyFields = serde_saphyr::from_str(shipped).unwrap_or_default();
        Self { conditions: shipped.spec.match_conditions, folder }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_policies_can_be_read() {
        for (about, is_namespaced) in
            [(Resources::Builds, false), (Resources::Builds, true), (Resources::Workloads, false)]
        {
            let ShippedConditions { conditions, folder } = ShippedConditions::of(about, is_namespaced);
            assert!(!conditions.is_empty(), "{folder}");
            assert!(conditions.iter().all(|condition| !condition.expression().is_empty()), "{folder}");
        }
        for text in SHIPPED {
            let read: PolicyFields = serde_saphyr::from_str(text).unwrap();
            assert_eq!(read.spec.failure_policy.as_deref(), Some("Fail"));
        }
    }
}
