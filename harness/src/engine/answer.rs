//! What a policy answers: the SDK's types, as far as the policy server reads them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The answer about a request.
#[derive(Debug, Clone, Deserialize)]
pub struct ValidationResponse {
    /// Whether the object may pass.
    pub accepted: bool,
    /// Why it may not.
    pub message: Option<String>,
    /// The status code of a rejection.
    pub code: Option<u16>,
    /// The object as it should be stored.
    pub mutated_object: Option<Value>,
    /// Annotations for the audit log.
    pub audit_annotations: Option<BTreeMap<String, String>>,
    /// Warnings for the sender.
    pub warnings: Option<Vec<String>>,
}

/// The answer about settings.
#[derive(Debug, Clone, Deserialize)]
pub struct SettingsValidationResponse {
    /// Whether a policy server would start with them.
    pub valid: bool,
    /// Why it would not.
    pub message: Option<String>,
}
