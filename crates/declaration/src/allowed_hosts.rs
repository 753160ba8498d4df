//! `--allow-host`: the operator limits what the author of the ConfigMap may declare.

use std::fmt;

use super::host_pattern::HostPattern;

/// The registry hosts that a cluster may declare: all hosts, or those that one of the patterns matches. Prints as the list
/// of patterns.
///
/// ```
/// use local_registry_declaration::AllowedHosts;
///
/// let some = AllowedHosts::new(vec!["reg.io".parse()?, "*.svc.cluster.local:5000".parse()?]);
/// assert!(some.permit(&"registry.infra.svc.cluster.local:5000") && !some.permit(&"evil.example"));
/// assert_eq!(some.to_string(), "`reg.io` or `*.svc.cluster.local:5000`");
/// assert!(AllowedHosts::default().permit(&"evil.example"));
/// # Ok::<(), local_registry_declaration::HostPatternError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

impl AllowedHosts {
    /// The hosts that one of the patterns matches; all hosts if there is no pattern.
    #[must_use]
    pub fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Whether a cluster may declare this host.
    #[must_use]
    pub fn permit(&self, host: &impl AsRef<str>) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(host))
    }
}

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<String> = self.0.iter().map(|pattern| format!("`{pattern}`")).collect();
        f.write_str(&patterns.join(" or "))
    }
}
