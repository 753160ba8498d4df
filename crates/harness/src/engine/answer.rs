//! The answers of a policy: those fields of the SDK's types that the policy server reads.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The answer about a request.
#[derive(Debug, Clone, Deserialize)]
pub struct ValidationResponse {
    /// Whether the request is allowed.
    pub accepted: bool,
    /// The reason of a rejection.
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
    /// Whether the settings are valid. A policy server does not start with invalid ones.
    pub valid: bool,
    /// Why the settings are invalid.
    pub message: Option<String>,
}
