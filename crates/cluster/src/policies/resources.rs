//! Which resources a policy is asked about.

use super::name::PolicyName;

/// The resources that a policy is asked about. The same module decides about all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resources {
    /// Shipwright's Builds and BuildRuns.
    Builds,
    /// Pods and Knative revisions, as with the chart's `workloads.enabled`.
    Workloads,
    /// Those of labelled namespaces, where every image without a registry is local, as with the chart's
    /// `workloads.namespaces: labelled`.
    LabelledWorkloads,
}

impl Resources {
    /// What a policy that cannot be read is likely for. The shipped ones say it in their names.
    #[must_use]
    pub fn likely_of(name: &PolicyName) -> Self {
        match name.name() {
            name if name.contains("labelled") => Self::LabelledWorkloads,
            name if name.contains("workloads") => Self::Workloads,
            _ => Self::Builds,
        }
    }

    /// Whether they are pods and revisions.
    #[must_use]
    pub fn are_workloads(self) -> bool {
        self != Self::Builds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_shipped_policies_show_what_they_are_for() {
        for (name, expected) in [
            ("local-registry", Resources::Builds),
            ("local-registry-workloads", Resources::Workloads),
            ("local-registry-labelled", Resources::LabelledWorkloads),
            ("workloads/local-registry", Resources::Builds),
        ] {
            assert_eq!(Resources::likely_of(&name.parse().unwrap()), expected, "{name}");
        }
    }
}
