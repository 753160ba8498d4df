//! Objects by which the API server decides about requests: webhook configurations, and policies of its own.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};
use crate::named::{Wanted, named};

const GROUP: &str = "admissionregistration.k8s.io";

impl Cluster {
    /// The fields of such an object but for its metadata; `None` if there is none of this kind and name.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub(crate) async fn admission_object(&self, kind: &str, name: &str) -> Result<Option<Value>, ClusterError> {
        let plural = plural(kind);
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v1", kind), &plural);
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let call =
            Call { subject: format!("{kind} {name}"), verb: "get", resource: format!("{plural}.{GROUP}/{name}") };
        let found = named(&api, Wanted { namespace: None, name, plural: &plural }, &call).await?;
        Ok(found.map(|found| found.data))
    }

    /// Whether the API server knows objects of this kind, by its own list of what it serves. A policy of its own needs
    /// Kubernetes 1.30.
    ///
    /// # Errors
    /// A [`ClusterError`] if that list cannot be read, or is about something else.
    pub(crate) async fn serves_admission(&self, kind: &str) -> Result<bool, ClusterError> {
        let group = format!("{GROUP}/v1");
        let call = Call { subject: format!("the resources of {group}"), verb: "get", resource: group.clone() };
        let found = call.answer(self.client.list_api_group_resources(&group)).await?;
        if found.group_version != group || found.resources.is_empty() {
            return Err(ClusterErrorKind::Other { found: "another list".to_owned() }.about(call.subject));
        }
        Ok(found.resources.iter().any(|resource| resource.kind == kind))
    }
}

/// The resource of a kind, as paths and RBAC name it.
fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_plurals() {
        for (kind, expected) in [
            ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
            ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
            ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
        ] {
            assert_eq!(plural(kind), expected);
        }
    }
}
