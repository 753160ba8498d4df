//! A policy, and who owns the fields of its settings.

use std::collections::BTreeSet;

use kube::core::DynamicObject;
use serde::Deserialize;
use serde_json::Value;

use super::spec::PolicyFields;

/// The field manager of this program.
pub const FIELD_MANAGER: &str = "local-registry-sync";

/// A policy as the API server returns it.
///
/// Kubewarden publishes no Rust type for it. [`Policy::read`] says what the programs of this project need of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy(DynamicObject);

impl From<DynamicObject> for Policy {
    fn from(object: DynamicObject) -> Self {
        Self(object)
    }
}

impl Policy {
    /// The policy's fields but for its metadata: `spec` and `status`.
    #[must_use]
    pub fn fields(&self) -> &Value {
        &self.0.data
    }

    /// What is read of them.
    #[must_use]
    pub fn read(&self) -> PolicyFields {
        PolicyFields::deserialize(self.fields()).unwrap_or_default()
    }

    /// `spec.settings`; null if they are absent.
    #[must_use]
    pub fn settings(&self) -> Value {
        self.fields().pointer("/spec/settings").cloned().unwrap_or_default()
    }

    /// Whether it may change objects.
    #[must_use]
    pub fn is_mutating(&self) -> bool {
        self.fields().pointer("/spec/mutating") == Some(&Value::Bool(true))
    }

    /// The field managers that own a field of the settings.
    #[must_use]
    pub fn managers_of(&self, field: &str) -> BTreeSet<String> {
        let pointer = format!("/f:spec/f:settings/f:{field}");
        let entries = self.0.metadata.managed_fields.iter().flatten();
        entries
            .filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(&pointer).is_some()))
            .filter_map(|entry| entry.manager.clone())
            .collect()
    }
}
