//! Which resources a policy is asked about.

use super::spec::Rule;

/// The resources that a policy is asked about. The same module decides about both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resources {
    /// Shipwright's Builds and BuildRuns.
    Builds,
    /// Pods and Knative revisions, as in `deploy/workloads`.
    Workloads,
}

impl Resources {
    /// What a policy is for: one whose rules name the group of pods or of Knative's revisions, and not Shipwright's, is for
    /// workloads.
    pub(super) fn named_by(rules: &[Rule]) -> Self {
        let names = |group: &str| rules.iter().flat_map(|rule| &rule.api_groups).any(|found| found == group);
        let is_about_workloads = names("") || names("serving.knative.dev");
        if is_about_workloads && !names("shipwright.io") && !names("*") { Self::Workloads } else { Self::Builds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(groups: &[&str], expected: Resources) {
        let rule = |group: &&str| Rule { api_groups: vec![(*group).to_owned()], ..Rule::default() };
        let rules: Vec<Rule> = groups.iter().map(rule).collect();
        assert_eq!(Resources::named_by(&rules), expected);
    }

    #[test]
    fn rules_show_what_a_policy_is_for() {
        check(&[""], Resources::Workloads);
        check(&["serving.knative.dev"], Resources::Workloads);
        check(&["shipwright.io"], Resources::Builds);
        check(&["", "shipwright.io"], Resources::Builds);
        check(&["", "*"], Resources::Builds);
        check(&["apps"], Resources::Builds);
        check(&[], Resources::Builds);
    }
}
