//! Which requests a policy or a guard has to be asked about, and which of them rules leave out.

use std::fmt;

use super::resources::Resources;
use super::spec::{PolicySpec, Rule};

const SHIPWRIGHT: &str = "shipwright.io";
const KNATIVE: &str = "serving.knative.dev";

/// A request that somebody has to be asked about. Prints as `UPDATE of v1beta1 builds`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    group: &'static str,
    version: &'static str,
    pub(crate) resource: &'static str,
    operation: &'static str,
}

/// The CREATE and UPDATE of every kind in every version, as far as they can bring a local image.
///
/// The rules have to name each version of Shipwright's. If they named only one, `matchPolicy: Equivalent` would send
/// the policy objects that Shipwright has converted to that version, and the conversion drops `local`.
pub(crate) fn requests(about: Resources) -> Vec<Request> {
    let mut all = Vec::new();
    match about {
        Resources::Builds => {
            for version in ["v1alpha1", "v1beta1"] {
                for resource in ["builds", "buildruns"] {
                    for operation in ["CREATE", "UPDATE"] {
                        all.push(Request { group: SHIPWRIGHT, version, resource, operation });
                    }
                }
            }
        }
        Resources::Workloads | Resources::LabelledWorkloads => {
            for (group, resource, operation) in [
                ("", "pods", "CREATE"),
                ("", "pods", "UPDATE"),
                ("", "pods/ephemeralcontainers", "UPDATE"),
                (KNATIVE, "revisions", "CREATE"),
            ] {
                all.push(Request { group, version: "v1", resource, operation });
            }
        }
    }
    all
}

impl PolicySpec {
    /// The requests that a policy about these resources has to be asked about, and that its rules leave out; empty if there
    /// are none.
    #[must_use]
    pub fn left_out(&self, about: Resources) -> String {
        listed(requests(about).iter().filter(|request| !request.is_covered_by(&self.rules)))
    }

    /// Those of them that the rules of the policy name, and these of its webhook do not.
    pub(super) fn left_out_by(&self, about: Resources, webhook: &[Rule]) -> String {
        let requests = requests(about);
        let named = requests.iter().filter(|request| request.is_covered_by(&self.rules));
        listed(named.filter(|request| !request.is_covered_by(webhook)))
    }
}

/// Requests, in the words of a message.
pub(crate) fn listed<'a>(requests: impl Iterator<Item = &'a Request>) -> String {
    requests.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {}", self.operation, self.version, self.resource)
    }
}

impl Request {
    pub(crate) fn is_covered_by(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| self.is_in(rule))
    }

    fn is_in(&self, rule: &Rule) -> bool {
        let has = |found: &[String], expected: &[&str]| found.iter().any(|found| expected.contains(&found.as_str()));
        let parts: &[&str] = match self.resource.split_once('/') {
            Some((resource, part)) => &[&format!("{resource}/*"), &format!("*/{part}"), "*/*"],
            None => &["*", "*/*"],
        };
        has(&rule.api_groups, &[self.group, "*"])
            && has(&rule.api_versions, &[self.version, "*"])
            && (has(&rule.resources, &[self.resource]) || has(&rule.resources, parts))
            && has(&rule.operations, &[self.operation, "*"])
            && rule.scope.as_deref() != Some("Cluster")
            && rule.resource_names.is_empty()
    }
}
