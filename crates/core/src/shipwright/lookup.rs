//! The Build that a BuildRun names: what is asked for, and what can go wrong.

/// The API version in which a Build is looked up: the stored one, whatever the BuildRun's own is.
/// Shipwright's conversion to v1alpha1 would drop `local`.
///
/// ```
/// assert_eq!(local_registry_core::shipwright::BUILD_API_VERSION, "shipwright.io/v1beta1");
/// ```
pub const BUILD_API_VERSION: &str = "shipwright.io/v1beta1";

/// Reads Builds from the cluster. A function is one, as [`decide`](crate::decide) shows; so is a type that has its own:
///
/// ```
/// use local_registry_core::shipwright::{BuildLookup, LookupError};
///
/// struct NoBuilds;
///
/// impl BuildLookup for NoBuilds {
///     fn build(&mut self, _namespace: &str, _name: &str) -> Result<String, LookupError> {
///         Err(LookupError::NotFound)
///     }
/// }
/// ```
pub trait BuildLookup {
    /// The JSON text of the Build `name` in `namespace`, in the version [`BUILD_API_VERSION`]. Only its metadata and
    /// [`BUILD_FIELDS`](super::BUILD_FIELDS) are read.
    ///
    /// # Errors
    /// A [`LookupError`] if there is no such Build or it cannot be read.
    fn build(&mut self, namespace: &str, name: &str) -> Result<String, LookupError>;
}

impl<F: FnMut(&str, &str) -> Result<String, LookupError>> BuildLookup for F {
    fn build(&mut self, namespace: &str, name: &str) -> Result<String, LookupError> {
        self(namespace, name)
    }
}

/// Why a Build could not be read. All but [`LookupError::NotFound`] have the cause in the policy server's words.
///
/// ```
/// use local_registry_core::shipwright::{BuildLookup, LookupError};
///
/// let mut builds = |_namespace: &str, _name: &str| Err(LookupError::Failed("connection refused".to_owned()));
/// assert!(matches!(builds.build("team", "app"), Err(LookupError::Failed(cause)) if cause == "connection refused"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupError {
    /// There is no such Build.
    NotFound,
    /// The policy's `contextAwareResources` do not list Builds.
    NotGranted(String),
    /// The policy server does not grant the policy the host capability.
    NoCapability(String),
    /// The policy server's service account may not read Builds.
    Forbidden(String),
    /// The cluster does not serve Builds in that version.
    NoSuchKind(String),
    /// Anything else; for example, the API server does not answer.
    Failed(String),
}

impl LookupError {
    /// The policy server's words, if they add anything.
    pub(super) fn cause(&self) -> Option<&str> {
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
    pub(super) fn remedy(&self) -> &'static str {
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
