//! The kinds of objects that are read: whatever runs images or makes objects that do, in the order in which they are said to name an
//! image.

use local_registry_cluster::objects::ResourceName;

/// Plural, group, and the version that is asked for first. ConfigMaps and Secrets are not among them: what they have is no business of
/// this program's.
const KINDS: [(&str, &str, &str); 25] = [
    ("deployments", "apps", "v1"),
    ("statefulsets", "apps", "v1"),
    ("daemonsets", "apps", "v1"),
    ("cronjobs", "batch", "v1"),
    ("jobs", "batch", "v1"),
    ("services", "serving.knative.dev", "v1"),
    ("configurations", "serving.knative.dev", "v1"),
    ("revisions", "serving.knative.dev", "v1"),
    ("builds", "shipwright.io", "v1beta1"),
    ("buildstrategies", "shipwright.io", "v1beta1"),
    ("clusterbuildstrategies", "shipwright.io", "v1beta1"),
    ("buildruns", "shipwright.io", "v1beta1"),
    ("tasks", "tekton.dev", "v1"),
    ("pipelines", "tekton.dev", "v1"),
    ("taskruns", "tekton.dev", "v1"),
    ("pipelineruns", "tekton.dev", "v1"),
    // A policy server that starts anew loads its policies from a registry.
    ("policyservers", "policies.kubewarden.io", "v1"),
    ("clusteradmissionpolicies", "policies.kubewarden.io", "v1"),
    ("admissionpolicies", "policies.kubewarden.io", "v1"),
    ("clusteradmissionpolicygroups", "policies.kubewarden.io", "v1"),
    ("admissionpolicygroups", "policies.kubewarden.io", "v1"),
    ("podtemplates", "", "v1"),
    ("replicationcontrollers", "", "v1"),
    ("replicasets", "apps", "v1"),
    ("pods", "", "v1"),
];

/// The kinds that are always read.
pub(crate) fn kinds() -> impl Iterator<Item = ResourceName> {
    KINDS.into_iter().map(|(plural, group, version)| ResourceName::of(plural, group, version))
}
