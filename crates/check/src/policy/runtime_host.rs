//! Which host pods with local images get.

use local_registry_cluster::policies::Resources;
use local_registry_declaration::Declared;

use super::checked::Checked;
use crate::link::Link;

impl Checked<'_> {
    /// Whether the policy has a host for the nodes, which pods with local images get, and whether Knative's revisions can get it.
    pub(super) fn runtime_host(&self, declared: &Declared) -> Link {
        let link = self.link_of("runtimeHost");
        let settings = &self.spec.settings;
        let Some(for_nodes) = settings.runtime_host.as_deref().filter(|host| !host.is_empty()) else {
            let remedy = if declared.for_nodes().is_none() {
                "add hostFromContainerRuntime to the ConfigMap"
            } else {
                "see that the sync job has --policy for this policy, and read its log"
            };
            let rejected = match self.about {
                Resources::LabelledWorkloads => "pods with an image without a registry",
                Resources::Builds | Resources::Workloads => "annotated pods",
            };
            return Link::failed(link, format!("it has none, so {rejected} are rejected")).remedy(remedy);
        };
        let for_pods = settings.host.as_deref().filter(|host| !host.is_empty());
        if for_pods == Some(for_nodes) {
            return Link::ok(link, format!("pods and Knative revisions get {for_nodes}"));
        }
        let other = for_pods.unwrap_or("none");
        let seen = format!(
            "pods get {for_nodes}; Knative revisions are rejected, since its name inside pods is another: {other}"
        );
        Link::ok(link, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::checked::checked;
    use local_registry_declaration::{AllowedHosts, Data};
    use serde_json::{Value, json};

    #[test]
    fn the_settings_say_what_pods_and_revisions_get() {
        let declared = |host: Option<&str>| {
            let fields = host.map_or_else(
                || "help: https://reg.example".to_owned(),
                |host| format!("hostFromContainerRuntime: {host}"),
            );
            let data: Data = [("localRegistryHosting.v1", fields)].into_iter().collect();
            Declared::read(&data, &AllowedHosts::default()).unwrap()
        };
        let check = |settings: Value, declared: &Declared, expected: &str| {
            let policy = json!({"spec": {"settings": settings}});
            let link = checked(policy).runtime_host(declared);
            assert_eq!(link.to_string(), expected);
        };
        let both = json!({"host": "reg.io", "runtimeHost": "reg.io"});
        check(both, &declared(None), "✓ policy p runtimeHost: pods and Knative revisions get reg.io");
        let two = json!({"host": "reg.io", "runtimeHost": "localhost:5001"});
        let nodes = "✓ policy p runtimeHost: pods get localhost:5001; Knative revisions are rejected, since its name inside pods is another";
        check(two, &declared(None), &format!("{nodes}: reg.io"));
        check(json!({"runtimeHost": "localhost:5001"}), &declared(None), &format!("{nodes}: none"));
        let missing = "✗ policy p runtimeHost: it has none, so annotated pods are rejected";
        let declare = format!("{missing}; add hostFromContainerRuntime to the ConfigMap");
        check(json!({"host": "reg.io", "runtimeHost": ""}), &Declared::absent(), &declare);
        check(json!(null), &declared(None), &declare);
        let sync = format!("{missing}; see that the sync job has --policy for this policy, and read its log");
        check(json!({}), &declared(Some("reg.io")), &sync);
        let rules = json!([{"apiGroups": [""]}]);
        let policy = json!({"spec": {"rules": rules, "settings": {"imagesWithoutRegistry": "local"}}});
        assert_eq!(
            checked(policy).runtime_host(&declared(Some("reg.io"))).to_string(),
            "✗ policy p runtimeHost: it has none, so pods with an image without a registry are rejected; see that the sync job has --policy for this policy, and read its log"
        );
    }
}
