//! What a service account may do, and how it loses a right.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, DeleteParams};

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::named::{Wanted, deleted};
use crate::reviews::{Identity, Right};

impl Cluster {
    /// Whether a service account may get Builds in every namespace.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not answer the question.
    pub async fn may_get_builds(&self, namespace: &str, account: &str) -> Result<bool, ClusterError> {
        let builds = Right { group: "shipwright.io", resource: "builds", verb: "get", namespace: None, name: None };
        self.may(&Identity::service_account(namespace, account), &builds).await
    }

    /// Deletes a ClusterRoleBinding, and so the rights that it gives. Returns whether it was there.
    ///
    /// # Errors
    /// A [`ClusterError`] if it is still there.
    pub async fn delete_cluster_role_binding(&self, name: &str, dry_run: bool) -> Result<bool, ClusterError> {
        let plural = "clusterrolebindings";
        let wanted = Wanted { namespace: None, name, plural };
        let api: Api<ClusterRoleBinding> = Api::all(self.client.clone());
        let parameters = DeleteParams { dry_run, ..DeleteParams::default() };
        let subject = format!("ClusterRoleBinding {name}");
        let call = Call { subject, verb: "delete", resource: format!("{plural}.rbac.authorization.k8s.io/{name}") };
        deleted(&api, &parameters, wanted, &call).await
    }
}
