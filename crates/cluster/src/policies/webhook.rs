//! The webhook by which the API server asks a policy.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::PolicyName;
use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::named::{Wanted, named};
use crate::services::ServiceName;

const GROUP: &str = "admissionregistration.k8s.io";

/// What is used of a policy's webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWebhook {
    /// The Service that the API server calls; `None` if it calls a URL.
    pub service: Option<ServiceName>,
    /// The path, or the URL.
    pub path: String,
    /// Whether it names an authority for the policy server's certificate.
    pub has_authority: bool,
    /// What becomes of a request that is not answered: `Fail` or `Ignore`.
    pub failure_policy: String,
}

impl PolicyWebhook {
    /// The kind of its configuration.
    #[must_use]
    pub fn kind(mutating: bool) -> &'static str {
        if mutating { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" }
    }

    fn of(webhook: &Value) -> Self {
        let text = |pointer: &str| webhook.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let service = webhook.pointer("/clientConfig/service").filter(|service| service.is_object());
        Self {
            service: service.map(|_| ServiceName {
                namespace: text("/clientConfig/service/namespace"),
                name: text("/clientConfig/service/name"),
            }),
            path: text(if service.is_some() { "/clientConfig/service/path" } else { "/clientConfig/url" }),
            has_authority: !text("/clientConfig/caBundle").is_empty(),
            failure_policy: text("/failurePolicy"),
        }
    }
}

impl Cluster {
    /// The webhook that Kubewarden's controller has registered for a policy; `None` if there is none.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn policy_webhook(
        &self,
        policy: &PolicyName,
        mutating: bool,
    ) -> Result<Option<PolicyWebhook>, ClusterError> {
        let (kind, name) = (PolicyWebhook::kind(mutating), policy.unique_name());
        let plural = format!("{}s", kind.to_lowercase());
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v1", kind), &plural);
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let call =
            Call { subject: format!("{kind} {name}"), verb: "get", resource: format!("{plural}.{GROUP}/{name}") };
        let found = named(&api, Wanted { namespace: None, name: &name, plural: &plural }, &call).await?;
        Ok(found.and_then(|found| found.data.pointer("/webhooks/0").map(PolicyWebhook::of)))
    }
}
