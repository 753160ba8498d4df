//! Which host annotated pods get.

use crate::link::Link;
use local_registry_cluster::Policy;
use local_registry_declaration::Declared;

/// Whether the policy has a host for the nodes, which annotated pods get, and whether Knative's revisions can get it.
pub(crate) fn runtime_host(subject: &str, policy: &Policy, declared: &Declared) -> Link {
    let subject = format!("{subject} runtimeHost");
    let setting = |pointer| policy.str(pointer).filter(|host| !host.is_empty());
    let Some(for_nodes) = setting("/spec/settings/runtimeHost") else {
        let remedy = if declared.for_nodes().is_none() {
            "add hostFromContainerRuntime to the ConfigMap"
        } else {
            "see that the sync job has --policy for this policy, and read its log"
        };
        return Link::failed(subject, "it has none, so annotated pods are rejected").remedy(remedy);
    };
    let for_pods = setting("/spec/settings/host");
    if for_pods == Some(for_nodes) {
        return Link::ok(subject, format!("pods and Knative revisions get {for_nodes}"));
    }
    let other = for_pods.unwrap_or("none");
    let seen =
        format!("pods get {for_nodes}; Knative revisions are rejected, since its name inside pods is another: {other}");
    Link::ok(subject, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_declaration::{AllowedHosts, Data};
    use serde_json::{Value, json};

    #[test]
    fn the_settings_say_what_pods_and_revisions_get() {
        let declared = |host: Option<&str>| {
            let host = host
                .map(|host| format!("hostFromContainerRuntime: {host}"))
                .unwrap_or("help: https://reg.example".to_owned());
            let data: Data = [("localRegistryHosting.v1", host)].into_iter().collect();
            Declared::read(&data, &AllowedHosts::default()).unwrap()
        };
        let check = |settings: Value, declared: &Declared, expected: &str| {
            let policy = json!({"spec": {"settings": settings}});
            let policy = serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap().into();
            assert_eq!(runtime_host("p", &policy, declared).to_string(), expected);
        };
        let both = json!({"host": "reg.io", "runtimeHost": "reg.io"});
        check(both, &declared(None), "✓ p runtimeHost: pods and Knative revisions get reg.io");
        let two = json!({"host": "reg.io", "runtimeHost": "localhost:5001"});
        let nodes = "✓ p runtimeHost: pods get localhost:5001; Knative revisions are rejected, since its name inside pods is another";
        check(two, &declared(None), &format!("{nodes}: reg.io"));
        check(json!({"runtimeHost": "localhost:5001"}), &declared(None), &format!("{nodes}: none"));
        let missing = "✗ p runtimeHost: it has none, so annotated pods are rejected";
        let declare = format!("{missing}; add hostFromContainerRuntime to the ConfigMap");
        check(json!({"host": "reg.io", "runtimeHost": ""}), &Declared::absent(), &declare);
        check(json!(null), &declared(None), &declare);
        let sync = format!("{missing}; see that the sync job has --policy for this policy, and read its log");
        check(json!({}), &declared(Some("reg.io")), &sync);
    }
}
