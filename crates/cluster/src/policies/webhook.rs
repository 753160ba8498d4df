//! The webhook by which the API server asks a policy.

use local_registry_core::Quoted;
use serde_json::Value;

use super::PolicyName;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::services::ServiceName;

/// The port of a Service that the API server calls if a webhook names none.
const HTTPS: u16 = 443;

/// What is used of a policy's webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWebhook {
    /// The Service that the API server calls; `None` if it calls a URL.
    pub service: Option<ServiceName>,
    /// The port of the Service.
    pub port: u16,
    /// The path, or the URL.
    pub path: String,
    /// How many webhooks its configuration has. This is the first.
    pub(super) siblings: usize,
    /// All its fields. What it is asked about has the same names as in a policy's spec.
    fields: Value,
}

impl PolicyWebhook {
    /// The kind of its configuration.
    #[must_use]
    pub fn kind(mutating: bool) -> &'static str {
        if mutating { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" }
    }

    /// The first webhook of a configuration; `None` if it has none.
    pub(super) fn first_of(configuration: &Value) -> Option<Self> {
        let webhooks = configuration.get("webhooks")?.as_array()?;
        let webhook = webhooks.first()?;
        let text = |pointer: &str| webhook.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let service = webhook.pointer("/clientConfig/service").filter(|service| service.is_object());
        let port = service.and_then(|service| u16::try_from(service.get("port")?.as_u64()?).ok());
        Some(Self {
            service: service.map(|_| ServiceName {
                namespace: text("/clientConfig/service/namespace"),
                name: text("/clientConfig/service/name"),
            }),
            port: port.unwrap_or(HTTPS),
            path: text(if service.is_some() { "/clientConfig/service/path" } else { "/clientConfig/url" }),
            siblings: webhooks.len(),
            fields: webhook.clone(),
        })
    }

    /// All its fields: its rules, its selectors and its match conditions are as in a policy's spec.
    #[must_use]
    pub fn fields(&self) -> &Value {
        &self.fields
    }

    /// A field that is a text.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.fields.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// What the API server calls, in the words of a message.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.service {
            Some(service) if self.port == HTTPS => format!("{service}{}", self.path),
            Some(service) => format!("{service}:{}{}", self.port, self.path),
            None => Quoted(&self.path).to_string(),
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
        let found = self.admission_object(PolicyWebhook::kind(mutating), &policy.unique_name()).await?;
        Ok(found.as_ref().and_then(PolicyWebhook::first_of))
    }
}
