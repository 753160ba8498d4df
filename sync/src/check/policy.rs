//! Whether a policy works: it is served, does what it should, and has the settings that the cluster declares.

use serde_json::Value;

use super::{Link, Verdict, is_mutating, link};
use crate::cluster::PolicyName;
use crate::config_map::Declaration;
use crate::json::at;
use crate::plan::{Plan, describe, plan};

/// What Kubewarden's controller says of a policy that the API server asks, and that answers by its newest settings.
const CONDITIONS: [&str; 2] = ["PolicyActive", "PolicyUniquelyReachable"];

/// Whether the policy is served, with its newest settings, by all pods of its policy server. `policyStatus` alone
/// does not say so: it stays `active` while the policy server rolls, and when it hangs in that.
pub(super) fn state(subject: &str, name: &PolicyName, policy: &Value, namespace: &str, links: &mut Vec<Link>) -> bool {
    let mut trouble = Vec::new();
    let status = at(policy, &["status", "policyStatus"]).as_str().unwrap_or("unknown");
    if status != "active" {
        trouble.push(format!("its status is {status}, not active"));
    }
    for kind in CONDITIONS {
        match condition(policy, kind) {
            None if status != "active" => {}
            None => trouble.push(format!("it has no condition {kind}")),
            Some(found) if at(found, &["status"]) == "True" => {}
            Some(found) => trouble.push(format!(
                "{kind} is {}: {}",
                at(found, &["status"]).as_str().unwrap_or("unknown"),
                at(found, &["message"]).as_str().unwrap_or_default(),
            )),
        }
    }
    if trouble.is_empty() {
        links.push(link(subject, Verdict::Ok, "it is active, and its policy server serves its newest settings", None));
        return true;
    }
    let remedy = if status == "active" {
        let server = at(policy, &["spec", "policyServer"]).as_str().unwrap_or("default");
        format!(
            "wait until the policy server has rolled; where it hangs, see why: kubectl describe pods --namespace {namespace} --selector kubewarden/policy-server={server}"
        )
    } else {
        format!(
            "see what the Kubewarden controller says of it: kubectl describe {} {}",
            name.kind().to_lowercase(),
            name.arguments()
        )
    };
    links.push(link(subject, Verdict::Failed, trouble.join(", "), Some(&remedy)));
    false
}

fn condition<'p>(policy: &'p Value, kind: &str) -> Option<&'p Value> {
    at(policy, &["status", "conditions"]).as_array()?.iter().find(|condition| at(condition, &["type"]) == kind)
}

/// Whether the policy may do what it is for. `injects`: whether any of the policies that are checked may mutate.
pub(super) fn purpose(subject: &str, policy: &Value, injects: bool, links: &mut Vec<Link>) {
    if !is_mutating(policy) {
        let subject = format!("{subject} mutating");
        links.push(if injects {
            link(subject, Verdict::Ok, "it is a guard: it rejects what another policy should have resolved", None)
        } else {
            let remedy = "set spec.mutating: true, or nothing is injected";
            link(subject, Verdict::Failed, "spec.mutating is not true", Some(remedy))
        });
    }
    let expected = [
        ("mode", "protect", "the policy is asked, but nothing that it answers counts"),
        ("failurePolicy", "Fail", "an image that cannot be resolved goes to Docker Hub"),
    ];
    for (field, expected, otherwise) in expected {
        // Kubewarden's CRD and the API server default both to what is expected.
        let found = at(policy, &["spec", field]).as_str().unwrap_or(expected);
        let subject = format!("{subject} {field}");
        links.push(if found == expected {
            link(subject, Verdict::Ok, found, None)
        } else {
            let remedy = format!("set spec.{field}: {expected}");
            link(subject, Verdict::Failed, format!("it is {found}, so that {otherwise}"), Some(&remedy))
        });
    }
}

/// Whether the settings say what the cluster declares. `serves`: whether they are the ones that count.
pub(super) fn settings(subject: &str, policy: &Value, declaration: &Declaration, serves: bool) -> Link {
    let subject = format!("{subject} settings");
    match plan(declaration, policy) {
        Ok(Plan::Unchanged) if serves => {
            link(subject, Verdict::Ok, "they say what the cluster declares, and are served", None)
        }
        Ok(Plan::Unchanged) => {
            let seen = "they say what the cluster declares, but it is not known whether they are served";
            link(subject, Verdict::Warning, seen, None)
        }
        Ok(Plan::Apply(wanted)) => link(
            subject,
            Verdict::Failed,
            format!("they are {}, and the cluster declares {}", at(policy, &["spec", "settings"]), wanted.to_json()),
            Some("run local-registry-sync for this policy"),
        ),
        Ok(Plan::Foreign(foreign)) => {
            let (seen, remedy) = describe(&foreign);
            link(subject, Verdict::Warning, seen, Some(remedy))
        }
        Err(error) => link(subject, Verdict::Failed, error.to_string(), None),
    }
}
