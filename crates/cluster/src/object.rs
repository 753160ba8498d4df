//! Single objects that `check` looks at.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};
use crate::named::{Wanted, named};
use crate::policies::{GROUP, VERSION};

/// What is used of a PolicyServer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyServer {
    /// The service account of its pods.
    pub service_account: String,
    /// The Secret with the credentials by which it loads modules.
    pub image_pull_secret: Option<String>,
}

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

    /// A PolicyServer.
    ///
    /// # Errors
    /// A [`ClusterError`] if it does not exist or cannot be read.
    pub async fn policy_server(&self, policy_server: &str) -> Result<PolicyServer, ClusterError> {
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
        let text = |field| found.data.pointer(field).and_then(|name| name.as_str()).filter(|name| !name.is_empty());
        Ok(PolicyServer {
            service_account: text("/spec/serviceAccountName").unwrap_or("default").to_owned(),
            image_pull_secret: text("/spec/imagePullSecret").map(ToOwned::to_owned),
        })
    }
}
