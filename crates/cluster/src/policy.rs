//! A policy, and who owns the fields of its settings.

use std::collections::BTreeSet;

use kube::core::DynamicObject;
use serde_json::Value;

/// The field manager of this program.
pub const FIELD_MANAGER: &str = "local-registry-sync";

/// A policy as the API server returns it.
///
/// Its spec is read field by field, since Kubewarden publishes no Rust type for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy(DynamicObject);

impl From<DynamicObject> for Policy {
    fn from(object: DynamicObject) -> Self {
        Self(object)
    }
}

impl Policy {
    /// The value at a JSON pointer (RFC 6901), such as `/spec/mode`; `None` if there is none.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.0.data.pointer(pointer)
    }

    /// The string at a JSON pointer; `None` for any other value.
    #[must_use]
    pub fn str(&self, pointer: &str) -> Option<&str> {
        self.pointer(pointer).and_then(Value::as_str)
    }

    /// The elements of the array at a JSON pointer; none for any other value.
    #[must_use]
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// `spec.settings`; null if they are absent.
    #[must_use]
    pub fn settings(&self) -> Value {
        self.pointer("/spec/settings").cloned().unwrap_or_default()
    }

    /// Whether the policy may change objects.
    #[must_use]
    pub fn is_mutating(&self) -> bool {
        self.pointer("/spec/mutating") == Some(&Value::Bool(true))
    }

    /// Whether the setting `insecure` is true.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.pointer("/spec/settings/insecure") == Some(&Value::Bool(true))
    }

    /// Whether the policy reads the Build that a BuildRun names: it does, unless the setting `lookupBuilds` is false.
    #[must_use]
    pub fn looks_builds_up(&self) -> bool {
        self.pointer("/spec/settings/lookupBuilds") != Some(&Value::Bool(false))
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
