//! `--allow-host`: the operator limits what the author of the ConfigMap may declare.

use local_registry_core::RuntimeHost;

use super::declared::Declaration;
use super::host_pattern::HostPattern;
use super::kep_1755::{FOR_PODS, NAME, NAMESPACE};

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

/// Where the name for container runtimes is from.
const RUNTIMES: &str = "hostFromContainerRuntime, or host in its place";

impl AllowedHosts {
    /// The hosts that one of the patterns matches; all hosts if there is no pattern.
    #[must_use]
    pub fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Checks the hosts that a declaration names.
    ///
    /// # Errors
    /// A [`NotAllowedError`], which says what is allowed.
    pub(crate) fn check(&self, declaration: &Declaration) -> Result<(), NotAllowedError> {
        if let Declaration::Registry { host, .. } = declaration {
            self.check_host(FOR_PODS, host)?;
        }
        declaration.runtime_host().map_or(Ok(()), |host| self.check_name(host))
    }

    /// Checks one of the names by which nodes pull.
    ///
    /// # Errors
    /// A [`NotAllowedError`], which says what is allowed.
    pub(crate) fn check_name(&self, name: &RuntimeHost) -> Result<(), NotAllowedError> {
        self.check_host(RUNTIMES, name)
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
        let declared = |host: &str, runtime_host: Option<&str>| Declaration::Registry {
            host: host.parse().unwrap(),
            runtime_host: runtime_host.map(|host| host.parse().unwrap()),
            help: None,
        };
        let evil = declared("evil.io:5000", None);
        let allowed = AllowedHosts::new(["reg.io", "*.svc:5000"].map(|text| text.parse().unwrap()).to_vec());
        assert_eq!(
            allowed.check(&evil).unwrap_err().to_string(),
            "kube-public/local-registry-hosting: hostFromClusterNetwork: `evil.io:5000` is not allowed; expected `reg.io` or `*.svc:5000`; declare such a host, or allow this one by --allow-host"
        );
        assert_eq!(AllowedHosts::default().check(&evil), Ok(()));
        assert_eq!(allowed.check(&Declaration::Absent), Ok(()));
        assert_eq!(allowed.check(&declared("reg.io", Some("registry.svc:5000"))), Ok(()));
        let error = "kube-public/local-registry-hosting: hostFromContainerRuntime, or host in its place: `evil.io` is not allowed; expected `reg.io` or `*.svc:5000`; declare such a host, or allow this one by --allow-host";
        let not_for_pods = Declaration::NotForPods { runtime_host: Some("evil.io".parse().unwrap()), help: None };
        for declaration in [declared("reg.io", Some("evil.io")), not_for_pods] {
            assert_eq!(allowed.check(&declaration).unwrap_err().to_string(), error);
        }
    }
}
