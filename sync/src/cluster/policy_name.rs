//! How a policy is named: on the command line, in URLs and for kubectl.

use std::fmt;
use std::str::FromStr;

use local_registry_core::is_object_name;

/// A policy: `NAME` of a ClusterAdmissionPolicy, or `NAMESPACE/NAME` of an AdmissionPolicy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyName {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

/// A text names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy")]
pub struct PolicyNameError;

impl FromStr for PolicyName {
    type Err = PolicyNameError;

    fn from_str(text: &str) -> Result<Self, PolicyNameError> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if !namespace.is_none_or(is_object_name) || !is_object_name(name) {
            return Err(PolicyNameError);
        }
        Ok(Self { namespace: namespace.map(ToOwned::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl PolicyName {
    /// `ClusterAdmissionPolicy` or `AdmissionPolicy`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "AdmissionPolicy" } else { "ClusterAdmissionPolicy" }
    }

    /// The name as kubectl's arguments give it.
    #[must_use]
    pub fn arguments(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} --namespace {namespace}", self.name),
            None => self.name.clone(),
        }
    }

    pub(super) fn plural(&self) -> &'static str {
        if self.namespace.is_some() { "admissionpolicies" } else { "clusteradmissionpolicies" }
    }
}
