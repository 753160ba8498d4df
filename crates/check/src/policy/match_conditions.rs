//! Whether a policy's match conditions leave something out.

use local_registry_cluster::policies::{MatchCondition, ShippedPolicy};

use super::checked::Checked;
use crate::link::Link;
use crate::release::upgrade;

impl Checked<'_> {
    /// Whether the match conditions are among those that are shipped.
    pub(super) fn match_conditions(&self) -> Link {
        let ShippedPolicy { conditions, values, .. } = ShippedPolicy::of(self.about, self.name.namespace().is_some());
        self.compare_conditions(&conditions, values)
    }

    /// The shipped conditions are known to leave out nothing that is local; of other conditions this is not known. Without
    /// conditions the policy is asked about everything, which is only slower, unless every pod of the cluster waits for it.
    fn compare_conditions(&self, shipped: &[MatchCondition], values: &str) -> Link {
        let link = self.link_of("matchConditions");
        let found = &self.spec.match_conditions;
        let shipped: Vec<String> = shipped.iter().map(MatchCondition::expression).collect();
        let others = found.iter().filter(|condition| !shipped.contains(&condition.expression()));
        let others: Vec<&str> = others.map(|condition| condition.name.as_str()).collect();
        if found.is_empty() && self.about.are_workloads() {
            let seen = "there are none, so every pod waits for it, and none starts while its policy server is down";
            return Link::warning(link, seen).remedy(upgrade(values));
        }
        if found.is_empty() {
            return Link::ok(link, "there are none, so it is asked about every Build and BuildRun");
        }
        if others.is_empty() {
            return Link::ok(link, "they are among those that this version ships");
        }
        let differ = if others.len() == 1 { "differs" } else { "differ" };
        let others = others.join(", ");
        let seen = format!("{others} {differ} from those that this version ships, so objects may be left out");
        Link::warning(link, seen)
            .remedy(format!("{}, or see that they leave out nothing that may be local", upgrade(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::upgrade;
    use crate::link::LinkVerdict;
    use crate::policy::checked::checked;
    use local_registry_cluster::policies::{PolicyFields, Resources};
    use local_registry_testkit::repository::read;
    use serde_json::{Value, json};

    const SHIPPED: [&str; 4] = [
        "charts/local-registry/files/policies/builds.yaml",
        "charts/local-registry/files/policies/namespaced.yaml",
        "charts/local-registry/files/policies/workloads.yaml",
        "charts/local-registry/files/policies/labelled.yaml",
    ];

    #[test]
    fn conditions_are_compared_with_those_that_are_shipped() {
        let shipped = json!({"spec": {"matchConditions": [{"name": "a", "expression": "x ||\n  y\n"}, {"name": "b", "expression": "z"}]}});
        let shipped: PolicyFields = serde_json::from_value(shipped).unwrap();
        let check = |found: Value, expected: &str| {
            let policy = json!({"spec": {"matchConditions": found}});
            let link = checked(policy).compare_conditions(&shipped.spec.match_conditions, "policy.enabled=true");
            assert_eq!(link.to_string(), expected);
        };
        let none = "✓ policy p matchConditions: there are none, so it is asked about every Build and BuildRun";
        check(json!(null), none);
        check(json!([]), none);
        let known = "✓ policy p matchConditions: they are among those that this version ships";
        check(json!([{"name": "a", "expression": "x || y"}, {"name": "b", "expression": "z"}]), known);
        check(json!([{"name": "renamed", "expression": "z"}]), known);
        check(
            json!([{"name": "a", "expression": "x"}, {"name": "b", "expression": "z"}, {"name": "c", "expression": "false"}]),
            "! policy p matchConditions: a, c differ from those that this version ships, so objects may be left out; upgrade the release with the chart of this version (policy.enabled=true), or see that they leave out nothing that may be local",
        );
    }

    #[test]
    fn the_conditions_for_workloads_are_their_own() {
        let [builds, _, workloads, labelled] = SHIPPED.map(read);
        let about = |policy: &Value| checked(policy.clone()).about;
        let all = [Resources::Builds, Resources::Workloads, Resources::LabelledWorkloads];
        assert_eq!([&builds, &workloads, &labelled].map(about), all);
        let check = |policy: &Value, other: &Value, values: &str| {
            let with = |conditions: &Value| {
                let mut policy = policy.clone();
                policy["spec"]["matchConditions"] = conditions.clone();
                checked(policy).match_conditions()
            };
            assert_eq!(with(&policy["spec"]["matchConditions"]).verdict, LinkVerdict::Ok);
            assert_eq!(with(&other["spec"]["matchConditions"]).verdict, LinkVerdict::Warning);
            let none = "! policy p matchConditions: there are none, so every pod waits for it, and none starts while its policy server is down";
            assert_eq!(with(&json!(null)).to_string(), format!("{none}; {}", upgrade(values)));
        };
        check(&workloads, &builds, "workloads.enabled=true");
        check(&labelled, &workloads, "workloads.enabled=true, workloads.namespaces=labelled or both");
    }

    #[test]
    fn shipped_policies_can_be_read() {
        for file in SHIPPED {
            let policy = checked(read(file));
            assert_eq!(policy.rules().verdict, LinkVerdict::Ok);
            assert_eq!(policy.spec.failure_policy.as_deref(), Some("Fail"));
        }
    }
}
