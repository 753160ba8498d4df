//! A pattern of registry hosts.

use std::fmt;
use std::str::FromStr;

use local_registry_core::Quoted;
use local_registry_core::text::matches_wildcard;

/// A pattern of registry hosts, such as `kind-registry:5000` or `*.svc.cluster.local:5000`.
///
/// ```
/// use local_registry_declaration::HostPattern;
///
/// let pattern: HostPattern = "*.svc.cluster.local:5000".parse()?;
/// assert!(pattern.matches(&"registry.infra.svc.cluster.local:5000"));
/// assert!(!pattern.matches(&"registry.infra.svc.cluster.local:443"));
///
/// let error = HostPattern::parse("Reg.io").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "has the character `R`, which no registry host has; write a host with its port, as in `kind-registry:5000`, where \
///      `*` stands for any characters but `:`, as in `*.svc.cluster.local:5000`",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```text
/// host-pattern = 1*( a-z | 0-9 | "." | "-" | ":" | "[" | "]" | "*" )
/// ```
///
/// A pattern matches a whole host. `*` stands for any number of characters but `:`, also for none; so a host with a port
/// only matches a pattern with that port, or with `:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(String);

/// Why a text is not a [`HostPattern`]. The message does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write a host with its port, as in `kind-registry:5000`, where `*` stands for any characters but `:`, as in `*.svc.cluster.local:5000`"
)]
pub struct HostPatternError(HostPatternErrorKind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum HostPatternErrorKind {
    #[error("is empty")]
    Empty,
    #[error("has the character {}, which no registry host has", Quoted(.0))]
    Character(String),
}

impl HostPattern {
    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`HostPatternError`] if the text is empty, or has a character that no host has.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        let of_a_host =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | ':' | '[' | ']' | '*');
        if text.is_empty() {
            return Err(HostPatternError(HostPatternErrorKind::Empty));
        }
        match text.chars().find(|c| !of_a_host(*c)) {
            Some(character) => Err(HostPatternError(HostPatternErrorKind::Character(character.into()))),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Whether the pattern matches a host, such as a [`RegistryHost`](local_registry_core::RegistryHost).
    #[must_use]
    pub fn matches(&self, host: &impl AsRef<str>) -> bool {
        matches_wildcard(&self.0, host.as_ref(), ':')
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        Self::parse(text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_character_that_no_host_has_is_refused() {
        let check = |text: &str, found: &str| {
            let expected = format!(
                "{found}; write a host with its port, as in `kind-registry:5000`, where `*` stands for any characters but `:`, as in `*.svc.cluster.local:5000`"
            );
            assert_eq!(HostPattern::parse(text).unwrap_err().to_string(), expected, "{text}");
        };
        check("", "is empty");
        for (text, character) in [
            ("Reg.io", 'R'),
            ("reg io", ' '),
            ("https://reg.io", '/'),
            ("reg.io/team", '/'),
            ("r?g.io", '?'),
            ("reg.io,other.io", ','),
            ("rég.io", 'é'),
        ] {
            check(text, &format!("has the character `{character}`, which no registry host has"));
        }
    }
}
