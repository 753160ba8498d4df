//! The name of a kind of objects.

use std::fmt;
use std::str::FromStr;

use local_registry_core::Quoted;
use local_registry_core::text::is_object_name;

/// A kind of objects: its plural, its group and its version, as in `rollouts.argoproj.io/v1alpha1`. Those of the core group have no
/// group, as in `pods/v1`.
///
/// ```
/// use local_registry_cluster::objects::ResourceName;
///
/// let name: ResourceName = "rollouts.argoproj.io/v1alpha1".parse()?;
/// assert_eq!((name.plural(), name.group(), name.version()), ("rollouts", "argoproj.io", "v1alpha1"));
/// assert_eq!("pods/v1".parse::<ResourceName>()?.group(), "");
/// # Ok::<(), local_registry_cluster::objects::ResourceNameError>(())
/// ```
///
/// ```text
/// resource = plural [ "." group ] "/" version
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceName {
    plural: String,
    group: String,
    version: String,
}

/// Why a text is not a [`ResourceName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not the name of a kind of objects; write its plural, its group and its version, as in `rollouts.argoproj.io/v1alpha1`",
    Quoted(.0)
)]
pub struct ResourceNameError(String);

impl ResourceName {
    /// A kind that is known to have such a name.
    #[must_use]
    pub fn of(plural: &str, group: &str, version: &str) -> Self {
        Self { plural: plural.to_owned(), group: group.to_owned(), version: version.to_owned() }
    }

    /// The plural, by which paths name it.
    #[must_use]
    pub fn plural(&self) -> &str {
        &self.plural
    }

    /// The group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The resource, as RBAC and errors name it.
    pub(super) fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

impl FromStr for ResourceName {
    type Err = ResourceNameError;

    fn from_str(text: &str) -> Result<Self, ResourceNameError> {
        let invalid = || ResourceNameError(text.to_owned());
        let (resource, version) = text.split_once('/').ok_or_else(invalid)?;
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        // Each becomes a part of a path.
        let is_label = |text: &str| is_object_name(text) && !text.contains('.');
        let is_valid = is_label(plural) && is_label(version) && (is_object_name(group) || !resource.contains('.'));
        if is_valid { Ok(Self::of(plural, group, version)) } else { Err(invalid()) }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource(), self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printed_as_they_were_written() {
        for text in ["rollouts.argoproj.io/v1alpha1", "pods/v1", "deployments.apps/v1"] {
            assert_eq!(text.parse::<ResourceName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_a_part_of_a_path_is_refused() {
        for text in [
            "",
            "pods",
            "pods/",
            "/v1",
            "Pods/v1",
            "pods./v1",
            ".apps/v1",
            "pods/v1/x",
            "../x.y/v1",
            "a b/v1",
            "pods.apps/v.1",
        ] {
            let error = text.parse::<ResourceName>().unwrap_err().to_string();
            assert!(error.ends_with("as in `rollouts.argoproj.io/v1alpha1`"), "{text}: {error}");
        }
    }
}
