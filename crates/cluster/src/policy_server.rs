//! The policy servers that `check` looks at.

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
