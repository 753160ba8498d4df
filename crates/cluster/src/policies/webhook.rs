//! The webhook by which the API server asks a policy.

use local_registry_core::Quoted;
use serde_json::Value;

use super::PolicyName;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::services::ServiceName;

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
    /// All its fields. What it is asked about has the same names as in a policy's spec.
    fields: Value,
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
            fields: webhook.clone(),
        }
    }

    /// All its fields: its rules, its selectors and its match conditions are as in a policy's spec.
    #[must_use]
    pub fn fields(&self) -> &Value {
        &self.fields
    }

    /// What keeps the API server from asking the policy, or from refusing what the policy has not answered.
    #[must_use]
    pub fn faults(&self, policy: &PolicyName) -> Vec<String> {
        let mut faults = Vec::new();
        let path = format!("/validate/{}", policy.unique_name());
        if !self.path.ends_with(&path) {
            faults.push(format!("it calls {}, not {path}", Quoted(&self.path)));
        }
        if !self.has_authority {
            faults.push("it has no caBundle, so the API server trusts no policy server".to_owned());
        }
        if self.failure_policy != "Fail" {
            faults.push(format!("its failurePolicy is {}, not Fail", Quoted(&self.failure_policy)));
        }
        faults
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
        let found = self.admission_object(PolicyWebhook::kind(mutating), &policy.unique_name()).await?;
        Ok(found.and_then(|found| found.pointer("/webhooks/0").map(PolicyWebhook::of)))
    }
}
