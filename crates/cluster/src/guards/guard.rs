//! Which guards there are.

use std::fmt;

use local_registry_core::shipwright::{OUTPUT_LABEL, OUTPUT_LABEL_LOCAL};
use serde_json::{Value, json};

use crate::policies::{Request, Resources, ShippedPolicy, requests};
use crate::selector::Selector;

/// One of the guards that are shipped.
///
/// ```
/// use local_registry_cluster::guards::Guard;
/// use local_registry_cluster::policies::Resources;
///
/// assert_eq!(Guard::beside(Resources::Workloads), [Guard::Workloads]);
/// assert_eq!(Guard::Workloads.to_string(), "local-registry-workloads-guard");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// It refuses Builds and BuildRuns with a local image that names no registry.
    Images,
    /// It refuses BuildRuns that would take such an output from their Build.
    Inherited,
    /// It refuses pods and Knative revisions with such an image.
    Workloads,
    /// It refuses those of labelled namespaces with any image that names no registry.
    LabelledWorkloads,
}

impl Guard {
    /// Every guard.
    pub const ALL: [Self; 4] = [Self::Images, Self::Inherited, Self::Workloads, Self::LabelledWorkloads];

    /// The name of its ValidatingAdmissionPolicy, and of the binding.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "local-registry-guard",
            Self::Inherited => "local-registry-guard-inherited",
            Self::Workloads => "local-registry-workloads-guard",
            Self::LabelledWorkloads => "local-registry-labelled-guard",
        }
    }

    /// The guards that refuse what a policy about these resources does not see.
    #[must_use]
    pub fn beside(resources: Resources) -> &'static [Self] {
        match resources {
            Resources::Builds => &[Self::Images, Self::Inherited],
            Resources::Workloads => &[Self::Workloads],
            Resources::LabelledWorkloads => &[Self::LabelledWorkloads],
        }
    }

    /// The requests that it has to be asked about.
    pub(super) fn requests(self) -> Vec<Request> {
        match self {
            Self::Images => requests(Resources::Builds),
            Self::Inherited => {
                let mut all = requests(Resources::Builds);
                all.retain(|request| request.resource == "buildruns");
                all
            }
            Self::Workloads | Self::LabelledWorkloads => requests(Resources::Workloads),
        }
    }

    /// The namespaces that it is shipped for; `None` if these are all.
    pub(super) fn namespaces(self) -> Option<Selector> {
        match self {
            Self::Images | Self::Inherited | Self::Workloads => None,
            Self::LabelledWorkloads => ShippedPolicy::of(Resources::LabelledWorkloads, false).namespace_selector,
        }
    }

    /// The kind of objects that it looks at beside the request, as `spec.paramKind` says that; null if it looks at none.
    pub(super) fn parameter_kind(self) -> Value {
        match self {
            // The stored version. The other has no field `local`.
            Self::Inherited => json!({"apiVersion": "shipwright.io/v1beta1", "kind": "Build"}),
            Self::Images | Self::Workloads | Self::LabelledWorkloads => Value::Null,
        }
    }

    /// Which Builds its binding shows it, as `spec.paramRef` says that; null if it looks at none.
    pub(super) fn parameters(self) -> Value {
        match self {
            Self::Inherited => json!({
                "selector": {"matchLabels": {OUTPUT_LABEL: OUTPUT_LABEL_LOCAL}},
                "parameterNotFoundAction": "Allow",
            }),
            Self::Images | Self::Workloads | Self::LabelledWorkloads => Value::Null,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
