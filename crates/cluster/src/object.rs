//! Single objects that `check` looks at.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};
use crate::named::{Wanted, named};
use crate::policies::{GROUP, VERSION};

impl Cluster {
    /// A custom resource definition; `None` if it does not exist.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn custom_resource_definition(
        &self,
        name: &str,
    ) -> Result<Option<CustomResourceDefinition>, ClusterError> {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let subject = format!("CustomResourceDefinition {name}");
        let resource = format!("customresourcedefinitions.apiextensions.k8s.io/{name}");
        named(
            &api,
            Wanted { namespace: None, name, plural: "customresourcedefinitions" },
            &Call { subject, verb: "get", resource },
        )
        .await
    }

    /// The service account of a PolicyServer.
    ///
    /// # Errors
    /// A [`ClusterError`] if the PolicyServer does not exist or cannot be read.
    pub async fn service_account(&self, policy_server: &str) -> Result<String, ClusterError> {
        let kind = GroupVersionKind::gvk(GROUP, VERSION, "PolicyServer");
        let resource = ApiResource::from_gvk_with_plural(&kind, "policyservers");
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let subject = format!("PolicyServer {policy_server}");
        let call = Call { subject, verb: "get", resource: format!("policyservers.{GROUP}/{policy_server}") };
        let Some(found) =
            named(&api, Wanted { namespace: None, name: policy_server, plural: "policyservers" }, &call).await?
        else {
            return Err(ClusterErrorKind::NoObject.about(call.subject));
        };
        let account = found.data.pointer("/spec/serviceAccountName").and_then(|name| name.as_str());
        Ok(account.unwrap_or("default").to_owned())
    }
}
