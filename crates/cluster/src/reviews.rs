//! Who somebody is, and what they may do, as the API server judges it.

use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::{Api, PostParams};

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};

/// Somebody whom the API server knows: what it needs to judge their rights.
///
/// ```
/// use local_registry_cluster::reviews::Identity;
///
/// assert_eq!(Identity::service_account("team", "ci").user(), "system:serviceaccount:team:ci");
/// assert_eq!(Identity::anonymous().user(), "system:anonymous");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    user: String,
    uid: Option<String>,
    groups: Vec<String>,
    extra: Option<BTreeMap<String, Vec<String>>>,
}

impl Identity {
    /// Whoever says nothing about themselves, by the API server's own names.
    #[must_use]
    pub fn anonymous() -> Self {
        let (user, groups) = ("system:anonymous".to_owned(), vec!["system:unauthenticated".to_owned()]);
        Self { user, uid: None, groups, extra: None }
    }

    /// A ServiceAccount, with all groups that the API server gives one: a right may be bound to any of them.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        let groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ];
        Self { user: format!("system:serviceaccount:{namespace}:{name}"), uid: None, groups, extra: None }
    }

    /// The name of the user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// A right on a resource, as RBAC has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right<'a> {
    /// The resource's API group.
    pub group: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// What may be done with it.
    pub verb: &'a str,
    /// The namespace. `None` asks about the whole cluster.
    pub namespace: Option<&'a str>,
    /// The object's name. `None` asks about all of them.
    pub name: Option<&'a str>,
}

impl Right<'_> {
    fn attributes(&self) -> ResourceAttributes {
        let some = |text: &str| Some(text.to_owned());
        ResourceAttributes {
            group: some(self.group),
            resource: some(self.resource),
            verb: some(self.verb),
            namespace: self.namespace.and_then(some),
            name: self.name.and_then(some),
            ..ResourceAttributes::default()
        }
    }

    /// Whether these attributes are those of this right. The API server may leave out what is empty.
    fn is(&self, found: &ResourceAttributes) -> bool {
        let text = |found: &Option<String>| found.clone().unwrap_or_default();
        let found = [&found.group, &found.resource, &found.verb, &found.namespace, &found.name].map(text);
        found
            == [self.group, self.resource, self.verb, self.namespace.unwrap_or_default(), self.name.unwrap_or_default()]
    }
}

impl Cluster {
    /// Whose token this is; `None` if the API server does not accept it for any of these audiences.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not answer the question. The token is not in it.
    pub async fn identity(&self, token: &str, audiences: &[String]) -> Result<Option<Identity>, ClusterError> {
        let spec = TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(audiences.to_vec()) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let call = Call {
            subject: "TokenReview".to_owned(),
            verb: "create",
            resource: "tokenreviews.authentication.k8s.io".to_owned(),
        };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = call.answer(api.create(&PostParams::default(), &review)).await?;
        if answer.spec.token.as_deref() != Some(token) {
            let found = "another token".to_owned();
            return Err(ClusterErrorKind::Other { found }.about(call.subject));
        }
        let Some(status) = answer.status.filter(|status| status.authenticated == Some(true)) else { return Ok(None) };
        // An authenticator that knows no audiences names none, and then the token is meant for the API server alone.
        let is_meant_for_us = status.audiences.iter().flatten().any(|audience| audiences.contains(audience));
        Ok(status.user.filter(|_| is_meant_for_us).and_then(known))
    }

    /// Whether somebody has a right.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not answer the question.
    pub async fn may(&self, identity: &Identity, right: &Right<'_>) -> Result<bool, ClusterError> {
        let spec = SubjectAccessReviewSpec {
            user: Some(identity.user.clone()),
            uid: identity.uid.clone(),
            groups: Some(identity.groups.clone()),
            extra: identity.extra.clone(),
            resource_attributes: Some(right.attributes()),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let call = Call {
            subject: "SubjectAccessReview".to_owned(),
            verb: "create",
            resource: "subjectaccessreviews.authorization.k8s.io".to_owned(),
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = call.answer(api.create(&PostParams::default(), &review)).await?;
        let is_about_it = answer.spec.user.as_deref() == Some(identity.user())
            && answer.spec.resource_attributes.is_some_and(|found| right.is(&found));
        if !is_about_it {
            let found = "another right".to_owned();
            return Err(ClusterErrorKind::Other { found }.about(call.subject));
        }
        Ok(answer.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }
}

/// Somebody who has a name. The API server knows nobody without one.
fn known(user: UserInfo) -> Option<Identity> {
    let UserInfo { username, uid, groups, extra } = user;
    let user = username.filter(|name| !name.is_empty())?;
    Some(Identity { user, uid, groups: groups.unwrap_or_default(), extra })
}
