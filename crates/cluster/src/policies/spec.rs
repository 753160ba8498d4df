//! What is read of a policy: its spec and its status, as Kubewarden's CRD has them.

use local_registry_core::text::is_object_name;
use serde::Deserialize;
use serde_json::Value;

use super::lenient;
use super::name::PolicyName;
use crate::selector::{Selector, SelectorError};

/// A policy without its metadata. What is absent, or has another type than it should, has its default.
///
/// ```
/// use local_registry_cluster::policies::PolicyFields;
///
/// let fields: PolicyFields = serde_json::from_str(r#"{"spec": {"mutating": true, "mode": 5}}"#)?;
/// assert!(fields.spec.mutating);
/// assert_eq!(fields.spec.mode, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PolicyFields {
    /// What its author wants.
    #[serde(deserialize_with = "lenient::value")]
    pub spec: PolicySpec,
    /// What Kubewarden's controller says of it.
    #[serde(deserialize_with = "lenient::value")]
    pub status: PolicyStatus,
}

/// What is read of a policy's spec, or of its webhook, which has some of the fields.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicySpec {
    /// Where its module is.
    #[serde(deserialize_with = "lenient::value")]
    pub module: String,
    /// Whether it may change objects.
    #[serde(deserialize_with = "lenient::value")]
    pub mutating: bool,
    /// `protect` or `monitor`.
    #[serde(deserialize_with = "lenient::value")]
    pub mode: Option<String>,
    /// What becomes of a request that is not answered.
    #[serde(deserialize_with = "lenient::value")]
    pub failure_policy: Option<String>,
    /// The requests that it is asked about.
    #[serde(deserialize_with = "lenient::list")]
    pub rules: Vec<Rule>,
    /// Conditions without which it is not asked.
    #[serde(deserialize_with = "lenient::list")]
    pub match_conditions: Vec<MatchCondition>,
    /// Kept as they are, since a selector that cannot be read has a link of its own.
    namespace_selector: Value,
    object_selector: Value,
    #[serde(deserialize_with = "lenient::value")]
    allow_inside_admission_controller_namespace: bool,
    /// Its settings.
    #[serde(deserialize_with = "lenient::value")]
    pub settings: PolicySettings,
    /// The kinds of objects that it may read.
    #[serde(deserialize_with = "lenient::list")]
    pub context_aware_resources: Vec<ContextAwareResource>,
    #[serde(deserialize_with = "lenient::value")]
    policy_server: Option<String>,
}

/// A rule about the requests that a policy is asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) api_groups: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) api_versions: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) resources: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) operations: Vec<String>,
    #[serde(deserialize_with = "lenient::value")]
    pub(crate) scope: Option<String>,
    /// Only the rules of a guard can have these.
    #[serde(deserialize_with = "lenient::texts")]
    pub(crate) resource_names: Vec<String>,
}

/// A condition without which the policy is not asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MatchCondition {
    /// Its name.
    #[serde(deserialize_with = "lenient::value")]
    pub name: String,
    #[serde(deserialize_with = "lenient::value")]
    expression: String,
}

/// What is read of the settings.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicySettings {
    /// The registry as pods reach it.
    #[serde(deserialize_with = "lenient::value")]
    pub host: Option<String>,
    /// The registry as nodes reach it.
    #[serde(deserialize_with = "lenient::value")]
    pub runtime_host: Option<String>,
    /// Whether the registry has no certificate.
    #[serde(deserialize_with = "lenient::value")]
    pub insecure: bool,
    #[serde(deserialize_with = "lenient::value")]
    lookup_builds: Option<bool>,
    #[serde(deserialize_with = "lenient::value")]
    repositories: Option<String>,
    /// What the images of pods are that name no registry.
    #[serde(deserialize_with = "lenient::value")]
    pub(super) images_without_registry: Option<String>,
}

/// A kind of object that the policy may read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContextAwareResource {
    /// The group and version.
    #[serde(deserialize_with = "lenient::value")]
    pub api_version: String,
    /// The kind.
    #[serde(deserialize_with = "lenient::value")]
    pub kind: String,
}

/// What is read of a policy's status.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyStatus {
    /// `active` and the like.
    #[serde(deserialize_with = "lenient::value")]
    pub policy_status: Option<String>,
    /// What Kubewarden's controller says about the sides of its state.
    #[serde(deserialize_with = "lenient::list")]
    pub conditions: Vec<PolicyCondition>,
}

/// What Kubewarden's controller says about one side of a policy's state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PolicyCondition {
    /// Which side.
    #[serde(rename = "type", deserialize_with = "lenient::value")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    #[serde(deserialize_with = "lenient::value")]
    pub status: Option<String>,
    /// Why.
    #[serde(deserialize_with = "lenient::value")]
    pub message: String,
}

impl PolicySpec {
    /// The selector of namespaces that a policy of this name gives its webhook; `None` if it selects all.
    ///
    /// Kubewarden's controller drops the `matchLabels` of a cluster-wide policy, unless the policy may be asked about the
    /// controller's own namespace.
    ///
    /// # Errors
    /// A [`SelectorError`] if it is none.
    pub fn namespace_selector(&self, name: &PolicyName) -> Result<Option<Selector>, SelectorError> {
        let whole = Selector::read(&self.namespace_selector)?;
        if whole.is_none() || !self.drops_labels(name) {
            return Ok(whole);
        }
        let mut kept = self.namespace_selector.clone();
        if let Some(fields) = kept.as_object_mut() {
            fields.remove("matchLabels");
        }
        Selector::read(&kept)
    }

    /// The labels of namespaces that select nothing, since Kubewarden's controller drops them; `None` if there are none.
    #[must_use]
    pub fn dropped_labels(&self, name: &PolicyName) -> Option<Selector> {
        let labels = serde_json::json!({"matchLabels": self.namespace_selector.get("matchLabels")?});
        Selector::read(&labels).ok().flatten().filter(|_| self.drops_labels(name))
    }

    fn drops_labels(&self, name: &PolicyName) -> bool {
        name.namespace().is_none() && !self.allow_inside_admission_controller_namespace
    }

    /// The selector of namespaces as it is written; `None` if it selects all.
    ///
    /// # Errors
    /// A [`SelectorError`] if it is none.
    pub fn written_namespace_selector(&self) -> Result<Option<Selector>, SelectorError> {
        Selector::read(&self.namespace_selector)
    }

    /// The selector of objects; `None` if it selects all.
    ///
    /// # Errors
    /// A [`SelectorError`] if it is none.
    pub fn object_selector(&self) -> Result<Option<Selector>, SelectorError> {
        Selector::read(&self.object_selector)
    }

    /// The policy server that the policy runs on.
    ///
    /// # Errors
    /// What it names in place of a policy server: a text that cannot be the name of one, and must not get into a path or a
    /// command.
    pub fn policy_server(&self) -> Result<&str, &str> {
        let name = self.policy_server.as_deref().unwrap_or("default");
        if is_object_name(name) { Ok(name) } else { Err(name) }
    }
}

impl MatchCondition {
    /// The expression, on one line.
    #[must_use]
    pub fn expression(&self) -> String {
        self.expression.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl PolicySettings {
    /// Whether the policy reads the Build that a BuildRun names: it does, unless `lookupBuilds` is false.
    #[must_use]
    pub fn looks_builds_up(&self) -> bool {
        self.lookup_builds != Some(false)
    }

    /// Whether a local output has to begin with the namespace of its object: it does, unless `repositories` is absent or `any`.
    #[must_use]
    pub fn keeps_namespaces_apart(&self) -> bool {
        self.repositories.as_deref().is_some_and(|word| !["", "any"].contains(&word))
    }
}
