//! What a service account may do.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::{Api, PostParams};

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;

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
}
