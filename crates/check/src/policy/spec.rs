//! What is read of a policy: its spec and its status, as Kubewarden's CRD has them.

use serde::Deserialize;
use serde_json::Value;

use super::lenient;
use crate::selector::{Selector, SelectorError};

/// A policy without its metadata. What is absent, or has another type than it should, has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PolicyFields {
    #[serde(deserialize_with = "lenient::value")]
    pub(super) spec: PolicySpec,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) status: PolicyStatus,
}

/// What is read of a policy's spec, or of its webhook, which has some of the fields.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PolicySpec {
    #[serde(deserialize_with = "lenient::value")]
    pub(super) module: String,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) mutating: bool,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) mode: Option<String>,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) failure_policy: Option<String>,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) rules: Vec<Rule>,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) match_conditions: Vec<MatchCondition>,
    /// Kept as they are, since a selector that cannot be read has a link of its own.
    namespace_selector: Value,
    object_selector: Value,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) settings: PolicySettings,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) context_aware_resources: Vec<ContextAwareResource>,
    #[serde(deserialize_with = "lenient::value")]
    policy_server: Option<String>,
}

/// A rule about the requests that a policy is asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rule {
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) api_groups: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) api_versions: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) resources: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) operations: Vec<String>,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) scope: Option<String>,
}

/// A condition without which the policy is not asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MatchCondition {
    #[serde(deserialize_with = "lenient::value")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient::value")]
    expression: String,
}

/// What is read of the settings.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PolicySettings {
    #[serde(deserialize_with = "lenient::value")]
    pub(super) host: Option<String>,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) runtime_host: Option<String>,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) insecure: bool,
    #[serde(deserialize_with = "lenient::value")]
    lookup_builds: Option<bool>,
}

/// A kind of object that the policy may read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContextAwareResource {
    #[serde(deserialize_with = "lenient::value")]
    pub(super) api_version: String,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) kind: String,
}

/// What is read of a policy's status.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PolicyStatus {
    #[serde(deserialize_with = "lenient::value")]
    pub(super) policy_status: Option<String>,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) conditions: Vec<PolicyCondition>,
}

/// What Kubewarden's controller says about one side of a policy's state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PolicyCondition {
    #[serde(rename = "type", deserialize_with = "lenient::value")]
    pub(super) kind: String,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) status: Option<String>,
    #[serde(deserialize_with = "lenient::value")]
    pub(super) message: String,
}

impl PolicySpec {
    /// The selector of namespaces; `None` if it selects all.
    pub(super) fn namespace_selector(&self) -> Result<Option<Selector>, SelectorError> {
        Selector::read(&self.namespace_selector)
    }

    /// The selector of objects; `None` if it selects all.
    pub(super) fn object_selector(&self) -> Result<Option<Selector>, SelectorError> {
        Selector::read(&self.object_selector)
    }

    /// The policy server that the policy runs on.
    pub(super) fn policy_server(&self) -> &str {
        self.policy_server.as_deref().unwrap_or("default")
    }
}

impl MatchCondition {
    /// The expression, on one line.
    pub(super) fn expression(&self) -> String {
        self.expression.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl PolicySettings {
    /// Whether the policy reads the Build that a BuildRun names: it does, unless `lookupBuilds` is false.
    pub(super) fn looks_builds_up(&self) -> bool {
        self.lookup_builds != Some(false)
    }
}
