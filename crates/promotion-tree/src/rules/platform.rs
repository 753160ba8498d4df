//! Platforms: what an image runs on.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// An operating system, an architecture, and perhaps a variant of that. Prints as `linux/arm64/v8`.
///
/// ```text
/// platform = word "/" word [ "/" word ]
/// word     = 1*( a-z | 0-9 | "." | "_" | "-" )
/// ```
///
/// The words are those of the OCI image index (`GOOS`, `GOARCH`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// A text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("is not a platform; write the operating system and the architecture, as in `linux/amd64` or `linux/arm/v7`")]
pub struct PlatformError(());

impl Platform {
    /// What a manifest or a configuration says. An empty variant is none.
    #[must_use]
    pub fn of(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let variant = variant.filter(|variant| !variant.is_empty());
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.map(str::to_owned) }
    }

    /// Whether an image for `found` is one for this platform. Without a variant, any will do; and an image that names none has
    /// the usual one, as container runtimes read it: `v8` of `arm64`, and `v7` of `arm`.
    #[must_use]
    pub fn accepts(&self, found: &Self) -> bool {
        let has_variant = |wanted: &str| {
            let usual = match found.architecture.as_str() {
                "arm64" => Some("v8"),
                "arm" => Some("v7"),
                _ => None,
            };
            found.variant.as_deref().or(usual) == Some(wanted)
        };
        (&self.os, &self.architecture) == (&found.os, &found.architecture)
            && self.variant.as_deref().is_none_or(has_variant)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let is_word = |word: &&str| {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
            !word.is_empty() && word.chars().all(is_plain)
        };
        let words: Vec<&str> = text.split('/').filter(is_word).collect();
        match *words {
            [os, architecture] if text.matches('/').count() == 1 => Ok(Self::of(os, architecture, None)),
            [os, architecture, variant] if text.matches('/').count() == 2 => {
                Ok(Self::of(os, architecture, Some(variant)))
            }
            _ => Err(PlatformError(())),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &str, found: (&str, &str, Option<&str>), expected: bool) {
        let platform: Platform = wanted.parse().unwrap();
        assert_eq!(platform.to_string(), wanted);
        assert_eq!(platform.accepts(&Platform::of(found.0, found.1, found.2)), expected, "{wanted} {found:?}");
    }

    #[test]
    fn a_platform_accepts_its_variants() {
        check("linux/amd64", ("linux", "amd64", None), true);
        check("linux/amd64", ("linux", "amd64", Some("v3")), true);
        check("linux/amd64", ("windows", "amd64", None), false);
        check("linux/arm64/v8", ("linux", "arm64", None), true);
        check("linux/arm64/v8", ("linux", "arm64", Some("")), true);
        check("linux/arm64/v9", ("linux", "arm64", None), false);
        check("linux/arm/v7", ("linux", "arm", None), true);
        check("linux/arm/v6", ("linux", "arm", None), false);
        check("linux/arm", ("linux", "arm", Some("v6")), true);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux//amd64",
            "Linux/amd64",
            "linux/arm/v7/x",
            "linux/amd64 ",
            "linux/*",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
