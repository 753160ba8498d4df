//! What a policy's webhook has to be, and what it is in place of that.
//!
//! Whether the API server asks a policy is read here alone, so that `check` and the metrics of the sync job agree.

use local_registry_core::Quoted;
use serde::Deserialize;
use serde_json::Value;

use super::authority::is_authority;
use super::name::PolicyName;
use super::resources::Resources;
use super::shipped::ShippedPolicy;
use super::spec::{MatchCondition, PolicySpec};
use super::webhook::PolicyWebhook;
use crate::selector::{Selector, SelectorError};

/// What a policy's webhook is compared with.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedWebhook<'a> {
    /// The policy.
    pub name: &'a PolicyName,
    /// Which resources it is about.
    pub about: Resources,
    /// What it says.
    pub spec: &'a PolicySpec,
    /// The namespace of Kubewarden, in which the policy servers run.
    pub servers: &'a str,
}

impl PolicyWebhook {
    /// What the webhook asks about. Its fields are named as those of a policy's spec.
    #[must_use]
    pub fn question(&self) -> PolicySpec {
        PolicySpec::deserialize(self.fields()).unwrap_or_default()
    }

    /// What keeps the API server from asking the policy about all that the policy says, or from refusing what the policy has
    /// not answered. Parts of a sentence about the webhook.
    ///
    /// A webhook that asks about more is fine: the policy has been changed, and Kubewarden has not rolled it out yet.
    #[must_use]
    pub fn faults(&self, expected: &ExpectedWebhook<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        if self.siblings > 1 {
            faults.push(format!(
                "its configuration has {} webhooks, and Kubewarden gives it one: the others may refuse everything",
                self.siblings
            ));
        }
        self.add_faults_of_address(expected, &mut faults);
        self.add_faults_of_question(expected, &mut faults);
        faults
    }

    /// Where it leads, and what becomes of a request that is not answered.
    fn add_faults_of_address(&self, expected: &ExpectedWebhook<'_>, faults: &mut Vec<String>) {
        match (&self.service, expected.spec.policy_server()) {
            (_, Err(other)) => {
                faults.push(format!("the policy's spec.policyServer is {}, which names none", Quoted(other)));
            }
            (None, _) => {
                faults.push(format!("it calls the URL {}, and not the policy server's Service", Quoted(&self.path)));
            }
            (Some(service), Ok(server)) => {
                let servers = expected.servers;
                let name = format!("policy-server-{server}");
                if service.name != name || service.namespace != servers {
                    let found = service.to_string();
                    let hint =
                        if service.namespace == servers { "" } else { " (--kubewarden-namespace names another)" };
                    faults.push(format!("it calls the Service {}, not {servers}/{name}{hint}", Quoted(&found)));
                }
                let path = format!("/validate/{}", expected.name.unique_name());
                if self.path != path {
                    faults.push(format!("it calls {}, not {path}", Quoted(&self.path)));
                }
            }
        }
        let authority = self.text("/clientConfig/caBundle");
        if authority.is_empty() {
            faults.push("it has no caBundle, so the API server trusts no policy server".to_owned());
        } else if !is_authority(authority) {
            faults.push("its caBundle has no certificate, so the API server trusts no policy server".to_owned());
        }
        let versions = self.fields().get("admissionReviewVersions").and_then(Value::as_array);
        if versions.is_some_and(|versions| !versions.iter().any(|version| version == "v1")) {
            faults.push("its admissionReviewVersions lack v1, which the policy server answers".to_owned());
        }
        let failure_policy = self.text("/failurePolicy");
        if failure_policy != "Fail" {
            faults.push(format!("its failurePolicy is {}, not Fail", Quoted(failure_policy)));
        }
    }

    /// What it leaves out, although the policy does not.
    fn add_faults_of_question(&self, expected: &ExpectedWebhook<'_>, faults: &mut Vec<String>) {
        let ExpectedWebhook { name, about, spec, servers } = *expected;
        let asked = self.question();
        let missing = spec.left_out_by(about, &asked.rules);
        if !missing.is_empty() {
            faults.push(format!("its rules leave out {missing}"));
        }
        let own = match name.namespace() {
            Some(namespace) => Selector::of_namespace(namespace),
            None => Selector::of_other_namespaces(servers),
        };
        let shipped = ShippedPolicy::of(about, name.namespace().is_some());
        let known = [Some(own), spec.written_namespace_selector().ok().flatten(), shipped.namespace_selector];
        let known: Vec<Selector> = known.into_iter().flatten().collect();
        faults.extend(narrowed("namespaceSelector", asked.written_namespace_selector(), &known));
        let known: Vec<Selector> = spec.object_selector().ok().flatten().into_iter().collect();
        faults.extend(narrowed("objectSelector", asked.object_selector(), &known));
        let known = spec.match_conditions.iter().chain(&shipped.conditions);
        let known: Vec<String> = known.map(MatchCondition::expression).collect();
        let others = asked.match_conditions.iter().filter(|condition| !known.contains(&condition.expression()));
        let others: Vec<&str> = others.map(|condition| condition.name.as_str()).collect();
        if !others.is_empty() {
            faults.push(format!("it has matchConditions that the policy does not have: {}", others.join(", ")));
        }
    }
}

/// The fault of a selector that asks for more than these.
fn narrowed(field: &str, found: Result<Option<Selector>, SelectorError>, known: &[Selector]) -> Option<String> {
    match found {
        Ok(found) => {
            let beyond = found?.beyond(known)?;
            Some(format!("its {field} asks for {beyond}, which is not that of the policy"))
        }
        Err(error) => Some(format!("its {field} cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Policy;
    use super::*;
    use local_registry_testkit::repository::read;
    use serde_json::json;

    /// `-----BEGIN CERTIFICATE-----`, three bytes of DER, and the end of it.
    const AUTHORITY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BTUNBUUU9Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";

    /// The faults of a policy's webhook, as Kubewarden makes it of what is shipped, but changed.
    fn faults(policy: &str, name: &str, change: impl FnOnce(&mut Value, &mut Value)) -> Vec<String> {
        let name: PolicyName = name.parse().unwrap();
        let mut policy = read(policy);
        let (operator, namespace) = name.namespace().map_or(("NotIn", "kubewarden"), |namespace| ("In", namespace));
        let mut selector =
            vec![json!({"key": "kubernetes.io/metadata.name", "operator": operator, "values": [namespace]})];
        let own = policy["spec"]["namespaceSelector"]["matchExpressions"].as_array();
        selector.extend(own.into_iter().flatten().cloned());
        let selector = json!({"matchExpressions": selector});
        let path = format!("/validate/{}", name.unique_name());
        let service = json!({"namespace": "kubewarden", "name": "policy-server-default", "path": path, "port": 443});
        let mut configuration = json!({"webhooks": [{
            "clientConfig": {"service": service, "caBundle": AUTHORITY}, "failurePolicy": "Fail",
            "rules": policy["spec"]["rules"], "matchConditions": policy["spec"]["matchConditions"],
            "namespaceSelector": selector, "objectSelector": {},
        }]});
        change(&mut policy, &mut configuration);
        let policy = Policy::from(serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap());
        let spec = &policy.read().spec;
        let expected = ExpectedWebhook { name: &name, about: policy.resources(), spec, servers: "kubewarden" };
        PolicyWebhook::first_of(&configuration).unwrap().faults(&expected)
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Value), expected: &[&str]) {
        let change = |_: &mut Value, found: &mut Value| change(&mut found["webhooks"][0]);
        assert_eq!(faults("charts/local-registry/files/policies/builds.yaml", "local", change), expected);
    }

    #[test]
    fn what_kubewarden_makes_has_no_fault() {
        for (policy, name) in [
            ("charts/local-registry/files/policies/builds.yaml", "local"),
            ("charts/local-registry/files/policies/namespaced.yaml", "team/local"),
            ("charts/local-registry/files/policies/workloads.yaml", "workloads"),
            ("charts/local-registry/files/policies/labelled.yaml", "labelled"),
        ] {
            assert_eq!(faults(policy, name, |_, _| {}), [""; 0], "{policy}");
        }
    }

    #[test]
    fn a_webhook_that_leads_elsewhere() {
        check(
            |webhook| webhook["clientConfig"]["service"]["path"] = json!("/audit/validate/clusterwide-local"),
            &["it calls `/audit/validate/clusterwide-local`, not /validate/clusterwide-local"],
        );
        check(
            |webhook| webhook["clientConfig"]["service"]["name"] = json!("policy-server-other"),
            &["it calls the Service `kubewarden/policy-server-other`, not kubewarden/policy-server-default"],
        );
        check(
            |webhook| webhook["clientConfig"]["service"]["namespace"] = json!("other"),
            &[
                "it calls the Service `other/policy-server-default`, not kubewarden/policy-server-default (--kubewarden-namespace names another)",
            ],
        );
        let url = "https://elsewhere.example/validate/clusterwide-local";
        check(
            |webhook| webhook["clientConfig"] = json!({"url": url, "caBundle": AUTHORITY}),
            &[
                "it calls the URL `https://elsewhere.example/validate/clusterwide-local`, and not the policy server's Service",
            ],
        );
        check(
            |webhook| webhook["clientConfig"]["caBundle"] = json!("Y2E="),
            &["its caBundle has no certificate, so the API server trusts no policy server"],
        );
        let second = |_: &mut Value, found: &mut Value| {
            let webhook = found["webhooks"][0].clone();
            found["webhooks"].as_array_mut().unwrap().push(webhook);
        };
        assert_eq!(
            faults("charts/local-registry/files/policies/builds.yaml", "local", second),
            ["its configuration has 2 webhooks, and Kubewarden gives it one: the others may refuse everything"]
        );
        let no_name = |policy: &mut Value, _: &mut Value| policy["spec"]["policyServer"] = json!("x --all; rm");
        assert_eq!(
            faults("charts/local-registry/files/policies/builds.yaml", "local", no_name),
            ["the policy's spec.policyServer is `x --all; rm`, which names none"]
        );
    }

    #[test]
    fn a_webhook_that_leaves_namespaces_or_objects_out() {
        let nobody = || json!({"matchLabels": {"nobody": "has"}});
        for (policy, name) in [
            ("charts/local-registry/files/policies/builds.yaml", "local"),
            ("charts/local-registry/files/policies/namespaced.yaml", "team/local"),
            ("charts/local-registry/files/policies/workloads.yaml", "workloads"),
            ("charts/local-registry/files/policies/labelled.yaml", "labelled"),
        ] {
            let narrow = |_: &mut Value, found: &mut Value| {
                found["webhooks"][0]["namespaceSelector"] = nobody();
                found["webhooks"][0]["objectSelector"] = nobody();
            };
            assert_eq!(
                faults(policy, name, narrow),
                [
                    "its namespaceSelector asks for nobody=has, which is not that of the policy",
                    "its objectSelector asks for nobody=has, which is not that of the policy",
                ]
            );
        }
        let same = |policy: &mut Value, found: &mut Value| {
            policy["spec"]["objectSelector"] = nobody();
            policy["spec"]["namespaceSelector"] = nobody();
            found["webhooks"][0]["objectSelector"] = nobody();
            found["webhooks"][0]["namespaceSelector"] = nobody();
        };
        assert_eq!(faults("charts/local-registry/files/policies/builds.yaml", "local", same), [""; 0]);
        check(
            |webhook| webhook["namespaceSelector"]["matchExpressions"][0]["values"] = json!(["kubewarden", "team"]),
            &[
                "its namespaceSelector asks for kubernetes.io/metadata.name notin (kubewarden,team), which is not that of the policy",
            ],
        );
        check(|webhook| webhook["namespaceSelector"] = json!({}), &[]);
        // The policy has been changed, and Kubewarden has not rolled it out yet.
        let not_yet = |policy: &mut Value, _: &mut Value| policy["spec"]["namespaceSelector"] = json!({});
        for policy in [
            "charts/local-registry/files/policies/workloads.yaml",
            "charts/local-registry/files/policies/labelled.yaml",
        ] {
            assert_eq!(faults(policy, "p", not_yet), [""; 0], "{policy}");
        }
        let label = json!([{"key": "local-registry-hosting/workloads", "operator": "In", "values": ["true"]}]);
        check(
            |webhook| webhook["namespaceSelector"]["matchExpressions"] = label,
            &[
                "its namespaceSelector asks for local-registry-hosting/workloads in (true), which is not that of the policy",
            ],
        );
    }

    #[test]
    fn a_webhook_that_asks_about_less() {
        check(
            |webhook| webhook["rules"][0]["scope"] = json!("Cluster"),
            &[
                "its rules leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns, CREATE of v1beta1 builds, UPDATE of v1beta1 builds, CREATE of v1beta1 buildruns, UPDATE of v1beta1 buildruns",
            ],
        );
        check(
            |webhook| webhook["matchConditions"] = json!([{"name": "never", "expression": "false"}]),
            &["it has matchConditions that the policy does not have: never"],
        );
        check(
            |webhook| webhook["admissionReviewVersions"] = json!(["v1beta1"]),
            &["its admissionReviewVersions lack v1, which the policy server answers"],
        );
        check(|webhook| webhook["failurePolicy"] = json!("Ignore"), &["its failurePolicy is `Ignore`, not Fail"]);
    }
}
