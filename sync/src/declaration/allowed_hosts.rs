//! `--allow-host`: the operator limits what the author of the ConfigMap may declare.

use local_registry_core::RuntimeHost;

use super::declared::Declaration;
use super::host_pattern::HostPattern;
use super::kep_1755::{FOR_PODS, FOR_RUNTIMES, NAME, NAMESPACE};

/// The registry hosts that a cluster may declare: all hosts, or those that one of the patterns matches.
///
/// ```
/// use sync::{AllowedHosts, HostPattern};
///
/// let all = AllowedHosts::default();
/// let some = AllowedHosts::new(vec!["*.svc.cluster.local:5000".parse()?]);
/// # assert_ne!(all, some);
/// # Ok::<(), sync::HostPatternError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

/// A cluster declares a host that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{NAMESPACE}/{NAME}: {field}: `{host}` is not allowed; expected {expected}; declare such a host, or allow this one by --allow-host"
)]
pub(crate) struct NotAllowedError {
    field: &'static str,
    host: String,
    expected: String,
}

impl AllowedHosts {
    /// The hosts that one of the patterns matches; all hosts if there is no pattern.
    #[must_use]
    pub fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Checks the host that a declaration names, if it names one.
    ///
    /// # Errors
    /// A [`NotAllowedError`], which says what is allowed.
    pub(crate) fn check(&self, declaration: &Declaration) -> Result<(), NotAllowedError> {
        match declaration {
            Declaration::Registry { host, .. } => self.check_host(FOR_PODS, host),
            Declaration::Absent | Declaration::NotForPods { .. } => Ok(()),
        }
    }

    /// Checks one of the names by which nodes pull.
    ///
    /// # Errors
    /// A [`NotAllowedError`], which says what is allowed.
    pub(crate) fn check_name(&self, name: &RuntimeHost) -> Result<(), NotAllowedError> {
        self.check_host(FOR_RUNTIMES, name)
    }

    fn check_host(&self, field: &'static str, host: &(impl AsRef<str> + ToString)) -> Result<(), NotAllowedError> {
        if self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(host)) {
            return Ok(());
        }
        let patterns: Vec<String> = self.0.iter().map(|pattern| format!("`{pattern}`")).collect();
        Err(NotAllowedError { field, host: host.to_string(), expected: patterns.join(" or ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_not_allowed_is_named_with_those_that_are() {
        let declared = Declaration::Registry { host: "evil.io:5000".parse().unwrap(), help: None };
        let allowed = AllowedHosts::new(["reg.io", "*.svc:5000"].map(|text| text.parse().unwrap()).to_vec());
        assert_eq!(
            allowed.check(&declared).unwrap_err().to_string(),
            "kube-public/local-registry-hosting: hostFromClusterNetwork: `evil.io:5000` is not allowed; expected `reg.io` or `*.svc:5000`; declare such a host, or allow this one by --allow-host"
        );
        assert_eq!(AllowedHosts::default().check(&declared), Ok(()));
        assert_eq!(allowed.check(&Declaration::Absent), Ok(()));
    }
}
