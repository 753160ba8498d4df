//! Whether the cluster declares what pods need.

use crate::check::link::Link;
use crate::declaration::Declaration;

/// Whether the declaration has a host for the nodes, which annotated pods get, and whether Knative's revisions can get it.
pub(in crate::check) fn runtime_host(subject: &str, declaration: &Declaration) -> Link {
    let subject = format!("{subject} runtimeHost");
    let Some(for_nodes) = declaration.runtime_host() else {
        return Link::failed(subject, "the cluster declares no registry for its nodes, so annotated pods are rejected")
            .remedy("add hostFromContainerRuntime to the ConfigMap");
    };
    match declaration {
        Declaration::Registry { host, .. } if host.as_str() == for_nodes.as_str() => {
            Link::ok(subject, format!("pods and Knative revisions get {for_nodes}"))
        }
        _ => {
            let seen =
                format!("pods get {for_nodes}; Knative revisions are rejected, since pods know no such registry");
            Link::ok(subject, seen)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_declaration_says_what_pods_and_revisions_get() {
        let check = |runtime_host: Option<&str>, expected: &str| {
            let runtime_host = runtime_host.map(|host| host.parse().unwrap());
            let declared = Declaration::Registry { host: "reg.io".parse().unwrap(), runtime_host, help: None };
            assert_eq!(runtime_host_link(&declared), expected);
        };
        check(Some("reg.io"), "✓ p runtimeHost: pods and Knative revisions get reg.io");
        let nodes = "✓ p runtimeHost: pods get localhost:5001; Knative revisions are rejected, since pods know no such registry";
        check(Some("localhost:5001"), nodes);
        let missing = "✗ p runtimeHost: the cluster declares no registry for its nodes, so annotated pods are rejected; add hostFromContainerRuntime to the ConfigMap";
        check(None, missing);
        assert_eq!(runtime_host_link(&Declaration::Absent), missing);
        let for_nodes = Some("localhost:5001".parse().unwrap());
        assert_eq!(runtime_host_link(&Declaration::NotForPods { runtime_host: for_nodes, help: None }), nodes);
    }

    fn runtime_host_link(declaration: &Declaration) -> String {
        runtime_host("p", declaration).to_string()
    }
}
