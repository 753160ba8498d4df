//! How a policy is named: on the command line, in URLs and for kubectl.

use std::fmt;
use std::str::FromStr;

use local_registry_core::text::is_object_name;

/// A policy: `NAME` of a ClusterAdmissionPolicy, or `NAMESPACE/NAME` of an AdmissionPolicy.
///
/// ```
/// use local_registry_cluster::policies::PolicyName;
///
/// let name: PolicyName = "team-a/local-registry".parse()?;
/// assert_eq!(name.kind(), "AdmissionPolicy");
/// assert_eq!(name.to_string(), "team-a/local-registry");
///
/// assert_eq!(PolicyName::parse("local-registry")?.kind(), "ClusterAdmissionPolicy");
/// assert!(PolicyName::parse("../secrets").is_err());
/// # Ok::<(), local_registry_cluster::policies::PolicyNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyName(String);

/// Why a text does not name a policy. The message does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy")]
pub struct PolicyNameError {
    _private: (),
}

impl PolicyName {
    /// Checks that the parts of `text` are names that Kubernetes accepts, so that they cannot change a request's path.
    ///
    /// # Errors
    /// A [`PolicyNameError`] if they are not.
    pub fn parse(text: &str) -> Result<Self, PolicyNameError> {
        let (namespace, name) = split(text);
        if !namespace.is_none_or(is_object_name) || !is_object_name(name) {
            return Err(PolicyNameError { _private: () });
        }
        Ok(Self(text.to_owned()))
    }

    /// `ClusterAdmissionPolicy` or `AdmissionPolicy`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.namespace().is_some() { "AdmissionPolicy" } else { "ClusterAdmissionPolicy" }
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The namespace of an AdmissionPolicy.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        split(&self.0).0
    }

    /// The name without the namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        split(&self.0).1
    }

    /// The name as arguments of kubectl.
    #[must_use]
    pub fn arguments(&self) -> String {
        match split(&self.0) {
            (Some(namespace), name) => format!("{name} --namespace {namespace}"),
            (None, name) => name.to_owned(),
        }
    }

    /// The name by which Kubewarden's controller registers the policy, and the policy server serves it.
    #[must_use]
    pub fn unique_name(&self) -> String {
        match split(&self.0) {
            (Some(namespace), name) => format!("namespaced-{namespace}-{name}"),
            (None, name) => format!("clusterwide-{name}"),
        }
    }

    /// Whether this policy is asked wherever the other one is.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.namespace().is_none() || self.namespace() == other.namespace()
    }

    /// The resource, as paths and RBAC name it.
    #[must_use]
    pub fn plural(&self) -> &'static str {
        if self.namespace().is_some() { "admissionpolicies" } else { "clusteradmissionpolicies" }
    }
}

fn split(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    }
}

impl FromStr for PolicyName {
    type Err = PolicyNameError;

    fn from_str(text: &str) -> Result<Self, PolicyNameError> {
        Self::parse(text)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_named_with_or_without_a_namespace() {
        for (text, kind, arguments) in
            [("a", "ClusterAdmissionPolicy", "a"), ("ns/a.b-c", "AdmissionPolicy", "a.b-c --namespace ns")]
        {
            let name: PolicyName = text.parse().unwrap();
            assert_eq!((name.as_str(), name.kind(), name.arguments().as_str()), (text, kind, arguments));
        }
        for text in ["", "/", "a/", "/a", "a/b/c", "A", "a b", "../a"] {
            assert_eq!(
                PolicyName::parse(text).map_err(|error| error.to_string()),
                Err("expected NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy".to_owned()),
                "{text}",
            );
        }
    }
}
