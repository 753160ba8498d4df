//! `--allow-host`: the operator's word against whoever may write the ConfigMap.

use std::fmt;
use std::str::FromStr;

use crate::config_map::{Declaration, FOR_PODS, NAME, NAMESPACE};

/// A pattern of registry hosts, such as `kind-registry:5000` or `*.svc.cluster.local:5000`.
///
/// `*` stands for any characters but `:`, none included. So a port is always written out, or is `:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(String);

/// A text is no pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a host with its port, as in `kind-registry:5000`, in which `*` stands for any characters but `:`, as in `*.svc.cluster.local:5000`"
)]
pub struct HostPatternError;

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        // What no host has, no host ever matches.
        let is_possible = |b: u8| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'*')
        };
        if text.is_empty() || !text.bytes().all(is_possible) {
            return Err(HostPatternError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HostPattern {
    /// Whether a host is one of those that are meant.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let (pattern, host) = (self.0.as_bytes(), host.as_bytes());
        let (mut p, mut h) = (0, 0);
        // Where the last `*` was, and up to where it stands for something: it takes one more where what
        // follows it does not match.
        let mut star: Option<(usize, usize)> = None;
        while let Some(byte) = host.get(h) {
            match (pattern.get(p), star) {
                (Some(b'*'), _) => {
                    star = Some((p, h));
                    p += 1;
                }
                (Some(expected), _) if expected == byte => {
                    p += 1;
                    h += 1;
                }
                (_, Some((at, until))) if host.get(until).is_some_and(|taken| *taken != b':') => {
                    star = Some((at, until + 1));
                    p = at + 1;
                    h = until + 1;
                }
                _ => return false,
            }
        }
        pattern.get(p..).is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
    }
}

/// The hosts that a cluster may declare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

/// A cluster declares a host that it may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{NAMESPACE}/{NAME}: {FOR_PODS}: `{host}` is not allowed; expected {expected}; declare such a host, or allow this one by --allow-host"
)]
pub struct NotAllowed {
    host: String,
    expected: String,
}

impl AllowedHosts {
    /// Those that one of the patterns matches; all, where there is no pattern.
    #[must_use]
    pub fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Whether a declaration names no host that is not allowed.
    ///
    /// # Errors
    /// [`NotAllowed`], which says what is.
    pub fn check(&self, declaration: &Declaration) -> Result<(), NotAllowed> {
        let Declaration::Registry { host, .. } = declaration else { return Ok(()) };
        if self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(host.as_str())) {
            return Ok(());
        }
        let patterns: Vec<String> = self.0.iter().map(|pattern| format!("`{pattern}`")).collect();
        Err(NotAllowed { host: host.to_string(), expected: patterns.join(" or ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_core::RegistryHost;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, hosts: &[&str], others: &[&str]) {
        let parsed: HostPattern = pattern.parse().unwrap();
        assert_eq!(parsed.to_string(), pattern);
        for host in hosts {
            assert!(parsed.matches(host), "{pattern} and {host}");
        }
        for host in others {
            assert!(!parsed.matches(host), "{pattern} and not {host}");
        }
    }

    #[test]
    fn patterns_match_whole_hosts() {
        check("reg.io:5000", &["reg.io:5000"], &["reg.io", "reg.io:50000", "xreg.io:5000", "regxio:5000"]);
        check(
            "*.svc.cluster.local:5000",
            &["registry.cr-system.svc.cluster.local:5000", "a.svc.cluster.local:5000"],
            &[
                "svc.cluster.local:5000",
                "a.svc.cluster.local",
                "a.svc.cluster.local:443",
                "a.svc.cluster.local:5000.io",
            ],
        );
        check("*", &["reg.io", "10.0.0.5"], &["reg.io:5000", "[fd00::1]:5000"]);
        check("*:*", &["reg.io:5000", "kind-registry:1"], &["reg.io"]);
        check("10.0.*.5:5000", &["10.0.0.5:5000", "10.0.7.8.5:5000"], &["10.0.5:5000"]);
        check("[fd00::*]:5000", &["[fd00::1]:5000", "[fd00::]:5000"], &["[fd00::1:2]:5000", "[fd01::1]:5000"]);
        check("a*a*b", &["aab", "aaab", "axaxb", "aabab"], &["ab", "axb", "aaba"]);
    }

    #[test]
    fn what_no_host_ever_matches_is_no_pattern() {
        for text in ["", "Reg.io", "reg io", "https://reg.io", "reg.io/team", "r?g.io", "reg.io,other.io"] {
            assert_eq!(text.parse::<HostPattern>(), Err(HostPatternError), "{text}");
        }
    }

    #[test]
    fn a_host_that_is_not_allowed_is_named_with_those_that_are() {
        let declared = Declaration::Registry { host: RegistryHost::parse("evil.io:5000").unwrap(), help: None };
        let allowed = AllowedHosts::new(["reg.io", "*.svc:5000"].map(|text| text.parse().unwrap()).to_vec());
        assert_eq!(
            allowed.check(&declared).unwrap_err().to_string(),
            "kube-public/local-registry-hosting: hostFromClusterNetwork: `evil.io:5000` is not allowed; expected `reg.io` or `*.svc:5000`; declare such a host, or allow this one by --allow-host"
        );
        assert_eq!(AllowedHosts::default().check(&declared), Ok(()));
        assert_eq!(allowed.check(&Declaration::Absent), Ok(()));
    }

    proptest! {
        /// The same by trying every way to split.
        #[test]
        fn matching_is_what_it_says(pattern in "[ab:*]{1,8}", host in "[ab:]{0,8}") {
            fn slow(pattern: &[u8], host: &[u8]) -> bool {
                match (pattern.split_first(), host.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) if slow(rest, host) => true,
                    (Some((b'*', _)), Some((byte, tail))) => *byte != b':' && slow(pattern, tail),
                    (Some((a, rest)), Some((b, tail))) => a == b && slow(rest, tail),
                    _ => false,
                }
            }
            let expected = slow(pattern.as_bytes(), host.as_bytes());
            prop_assert_eq!(HostPattern(pattern).matches(&host), expected);
        }
    }
}
