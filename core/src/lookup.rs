//! The Build that a BuildRun names: what is asked for, and what can go wrong.

use crate::fields;
use crate::json::Node;

/// The API version in which a Build is looked up: the stored one, whatever the BuildRun's own is.
/// Shipwright's conversion to v1alpha1 would drop `local`.
pub const BUILD_API_VERSION: &str = "shipwright.io/v1beta1";

/// The fields that are read of a looked-up Build, as dot paths beside its metadata.
pub const BUILD_FIELDS: [&str; 7] = [
    "spec.output.image",
    "spec.output.insecure",
    "spec.output.local",
    "spec.paramValues.name",
    "spec.paramValues.value",
    "spec.source.ociArtifact.image",
    "spec.source.ociArtifact.local",
];

/// Reads Builds from the cluster.
pub trait BuildLookup {
    /// The JSON text of the Build `name` in `namespace`, in the version [`BUILD_API_VERSION`]; only
    /// its metadata and [`BUILD_FIELDS`] are looked at.
    ///
    /// # Errors
    /// A [`LookupError`] where there is no such Build or it could not be read.
    fn build(&mut self, namespace: &str, name: &str) -> Result<String, LookupError>;
}

impl<F: FnMut(&str, &str) -> Result<String, LookupError>> BuildLookup for F {
    fn build(&mut self, namespace: &str, name: &str) -> Result<String, LookupError> {
        self(namespace, name)
    }
}

/// Why a Build could not be read. All but [`LookupError::NotFound`] carry the cause as the host gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupError {
    /// There is no such Build.
    NotFound,
    /// The policy's `contextAwareResources` do not list Builds.
    NotGranted(String),
    /// The policy server keeps the host capability from the policy.
    NoCapability(String),
    /// The policy server's service account may not read Builds.
    Forbidden(String),
    /// The cluster does not serve Builds in that version.
    NoSuchKind(String),
    /// Anything else, such as an API server that does not answer.
    Failed(String),
}

impl LookupError {
    /// What the host said, where it is worth telling.
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::NotFound => None,
            Self::NotGranted(cause)
            | Self::NoCapability(cause)
            | Self::Forbidden(cause)
            | Self::NoSuchKind(cause)
            | Self::Failed(cause) => Some(cause),
        }
    }

    /// What an operator does about it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::NotFound => "create the Build first",
            Self::NotGranted(_) => {
                "an operator adds apiVersion shipwright.io/v1beta1, kind Build to the policy's spec.contextAwareResources, \
                 or sets lookupBuilds: false in its settings"
            }
            Self::NoCapability(_) => "an operator grants the policy the host capability kubernetes/get_resource",
            Self::Forbidden(_) => {
                "an operator lets the policy server's service account get builds.shipwright.io in this namespace"
            }
            Self::NoSuchKind(_) => "an operator installs Shipwright with its v1beta1 API",
            Self::Failed(_) => "try again, or ask an operator to look at the policy server's log",
        }
    }
}

/// Whether Kubernetes accepts `name` as the name of an object: a DNS-1123 subdomain. Any other is not
/// even asked for, since it would become a part of the request's path.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            label.bytes().next().is_some_and(alphanumeric)
                && label.bytes().last().is_some_and(alphanumeric)
                && label.bytes().all(|b| alphanumeric(b) || b == b'-')
        })
}

/// The value of the parameter in which Shipwright stores a v1alpha1 builder. Of two, the last one counts: its
/// conversion puts the builder behind the Build's own parameters, and a run's parameters override in that order.
pub(crate) fn stored_builder<'n>(build: &'n Node<'_>) -> Option<&'n str> {
    let Ok(Some(Node::Array(parameters))) = build.at(fields::PARAMETERS) else { return None };
    parameters.iter().rfind(|parameter| is_builder(parameter))?.field("value")?.text()
}

/// Whether a parameter is the one in which Shipwright stores a v1alpha1 builder.
pub(crate) fn is_builder(parameter: &Node<'_>) -> bool {
    parameter.field("name").and_then(Node::text) == Some(fields::BUILDER_PARAMETER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_kubernetes_gives_are_asked_for() {
        let longest = format!("{}.b", "a".repeat(251));
        for name in ["b", "my-build", "build.v1", "0", &longest] {
            assert!(is_object_name(name), "{name}");
        }
        let too_long = format!("{longest}b");
        for name in
            ["", "B", "a_b", "-a", "a-", "a..b", ".a", "a.", "a.-b", "a/b", "..", "a b", "ä", "a?x=y", &too_long]
        {
            assert!(!is_object_name(name), "{name}");
        }
    }

    #[test]
    fn the_builder_is_found_among_the_parameters() {
        let check = |parameters: &str, expected: Option<&str>| {
            let build = format!(r#"{{"spec":{{"paramValues":{parameters}}}}}"#);
            assert_eq!(stored_builder(&Node::parse(&build, fields::STORED_BUILD).unwrap()), expected, "{parameters}");
        };
        check(r#"[{"name":"a","value":"b"},{"name":"builder-image","value":"x/y"}]"#, Some("x/y"));
        check(r#"[{"name":"builder-image","value":"x/y"},{"name":"builder-image","value":"y/z"}]"#, Some("y/z"));
        check(r#"[{"name":"builder-image","configMapValue":{}}]"#, None);
        check(r#"[{"name":"builder-image","value":7}]"#, None);
        check(r#"{"name":"builder-image","value":"x/y"}"#, None);
        check("null", None);
    }
}
