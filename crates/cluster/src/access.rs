//! What a service account may do, and how it loses a right.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, DeleteParams, PostParams};

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::named::{Wanted, deleted};

impl Cluster {
    /// Whether a service account may get Builds in every namespace.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not answer the question.
    pub async fn may_get_builds(&self, namespace: &str, account: &str) -> Result<bool, ClusterError> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(format!("system:serviceaccount:{namespace}:{account}")),
                // All that the API server gives a service account: a right may be bound to any of them.
                groups: Some(vec![
                    "system:serviceaccounts".to_owned(),
                    format!("system:serviceaccounts:{namespace}"),
                    "system:authenticated".to_owned(),
                ]),
                resource_attributes: Some(ResourceAttributes {
                    group: Some("shipwright.io".to_owned()),
                    resource: Some("builds".to_owned()),
                    verb: Some("get".to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let call = Call {
            subject: "SubjectAccessReview".to_owned(),
            verb: "create",
            resource: "subjectaccessreviews.authorization.k8s.io".to_owned(),
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = call.answer(api.create(&PostParams::default(), &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
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
