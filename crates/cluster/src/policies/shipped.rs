//! What this version ships of a policy: its match conditions, and the namespaces that it selects.

use super::resources::Resources;
use super::spec::{MatchCondition, PolicyFields, PolicySpec};
use crate::selector::Selector;

/// The manifests that are shipped: of a policy for the whole cluster, of a namespaced one, of one for workloads, and of one for those
/// of labelled namespaces.
const SHIPPED: [&str; 4] = [
    include_str!("../../../../charts/local-registry/files/policies/builds.yaml"),
    include_str!("../../../../charts/local-registry/files/policies/namespaced.yaml"),
    include_str!("../../../../charts/local-registry/files/policies/workloads.yaml"),
    include_str!("../../../../charts/local-registry/files/policies/labelled.yaml"),
];

/// What is shipped of a policy.
#[derive(Debug)]
pub struct ShippedPolicy {
    /// Its match conditions.
    pub conditions: Vec<MatchCondition>,
    /// The namespaces that it is asked in; `None` if that is everywhere.
    pub namespace_selector: Option<Selector>,
    /// The values of the chart that install it.
    pub values: &'static str,
}

impl ShippedPolicy {
    /// What is shipped for these resources.
    #[must_use]
    pub fn of(about: Resources, is_namespaced: bool) -> Self {
        let [cluster_wide, namespaced, workloads, labelled] = SHIPPED;
        let (shipped, values) = match about {
            Resources::Workloads => (workloads, "workloads.enabled=true"),
            Resources::LabelledWorkloads => (labelled, "workloads.enabled=true, workloads.namespaces=labelled or both"),
            Resources::Builds if is_namespaced => (namespaced, "policy.namespaced=true"),
            Resources::Builds => (cluster_wide, "policy.enabled=true"),
        };
        let spec = read(shipped);
        let selector = spec.written_namespace_selector().ok().flatten();
        // An AdmissionPolicy has no selector of namespaces.
        let namespace_selector = selector.filter(|_| !is_namespaced);
        Self { conditions: spec.match_conditions, namespace_selector, values }
    }
}

/// A test parses each manifest, so the default is never taken.
fn read(manifest: &str) -> PolicySpec {
    serde_saphyr::from_str::<PolicyFields>(manifest).unwrap_or_default().spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_policies_can_be_read() {
        for (about, is_namespaced, namespaces) in [
            (Resources::Builds, false, None),
            (Resources::Builds, true, None),
            (Resources::Workloads, false, Some("kubernetes.io/metadata.name notin (local-registry-check)")),
            (Resources::LabelledWorkloads, false, Some("local-registry-hosting/workloads in (true)")),
            (Resources::LabelledWorkloads, true, None),
        ] {
            let ShippedPolicy { conditions, namespace_selector, values } = ShippedPolicy::of(about, is_namespaced);
            assert_eq!(namespace_selector.map(|selector| selector.to_string()).as_deref(), namespaces, "{values}");
            assert!(!conditions.is_empty(), "{values}");
            assert!(conditions.iter().all(|condition| !condition.expression().is_empty()), "{values}");
        }
        for text in SHIPPED {
            let read: PolicyFields = serde_saphyr::from_str(text).unwrap();
            assert_eq!(read.spec.failure_policy.as_deref(), Some("Fail"));
        }
    }
}
