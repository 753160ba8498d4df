//! `--allow-host`: the operator limits what the author of the ConfigMap may declare.

use local_registry_core::RuntimeHost;

use super::declared::{Declaration, Declared};
use super::host_pattern::HostPattern;
use super::kep_1755::{FOR_PODS, NAME, NAMESPACE};

/// The registry hosts that a cluster may declare: all hosts, or those that one of the patterns matches.
///
/// ```
/// use local_registry_declaration::{AllowedHosts, HostPattern};
///
/// let all = AllowedHosts::default();
/// let some = AllowedHosts::new(vec!["*.svc.cluster.local:5000".parse()?]);
/// # assert_ne!(all, some);
/// # Ok::<(), local_registry_declaration::HostPatternError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

/// A cluster declares a host that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{NAMESPACE}/{NAME}: {field}: `{host}` is not allowed; expected {expected}; declare such a host, or allow this one by --allow-host"
)]
pub struct NotAllowedError {
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

    /// Checks the hosts that a declaration names. A `host` that stands in for `hostFromContainerRuntime` and is not
    /// allowed is taken away: it is for the user's own machine first.
    ///
    /// # Errors
    /// A [`NotAllowedError`], which says what is allowed.
    pub fn check(&self, mut declared: Declared) -> Result<Declared, NotAllowedError> {
        if let Declaration::Registry { host, .. } = &declared.declaration {
            self.check_host(FOR_PODS, host)?;
        }
        match declared.declaration.runtime_host().map_or(Ok(()), |host| self.check_name(host)) {
            Err(error) if declared.falls_back => declared.ignore_host(error.to_string()),
            result => result?,
        }
        Ok(declared)
    }

    /// Checks one of the names by which nodes pull.
    ///
    /// # Errors
    /// A [`NotAllowedError`], which says what is allowed.
    pub fn check_name(&self, name: &RuntimeHost) -> Result<(), NotAllowedError> {
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
        let read = |declaration: &Declaration, falls_back: bool| Declared {
            declaration: declaration.clone(),
            ignored_help: None,
            falls_back,
            ignored_host: None,
        };
        let evil = read(&declared("evil.io:5000", None), false);
        let allowed = AllowedHosts::new(["reg.io", "*.svc:5000"].map(|text| text.parse().unwrap()).to_vec());
        assert_eq!(
            allowed.check(evil.clone()).unwrap_err().to_string(),
            "kube-public/local-registry-hosting: hostFromClusterNetwork: `evil.io:5000` is not allowed; expected `reg.io` or `*.svc:5000`; declare such a host, or allow this one by --allow-host"
        );
        assert_eq!(AllowedHosts::default().check(evil.clone()), Ok(evil));
        for declaration in [Declaration::Absent, declared("reg.io", Some("registry.svc:5000"))] {
            assert_eq!(allowed.check(read(&declaration, false)), Ok(read(&declaration, false)));
        }
        let error = "kube-public/local-registry-hosting: hostFromContainerRuntime, or host in its place: `evil.io` is not allowed; expected `reg.io` or `*.svc:5000`; declare such a host, or allow this one by --allow-host";
        let not_for_pods = |host: Option<&str>| Declaration::NotForPods {
            runtime_host: host.map(|host| host.parse().unwrap()),
            help: None,
        };
        for (before, after) in [
            (declared("reg.io", Some("evil.io")), declared("reg.io", None)),
            (not_for_pods(Some("evil.io")), not_for_pods(None)),
        ] {
            assert_eq!(allowed.check(read(&before, false)).unwrap_err().to_string(), error);
            let expected = Declared { ignored_host: Some(error.to_owned()), ..read(&after, true) };
            assert_eq!(allowed.check(read(&before, true)), Ok(expected));
        }
    }
}
