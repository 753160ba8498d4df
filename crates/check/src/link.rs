//! One link of the chain.

use std::fmt;

use serde::Serialize;

use local_registry_core::text::printable;

/// One link of the chain: what was seen of it, and what to do about it.
///
/// Prints as `✓ link: what was seen`, with the remedy after a semicolon.
///
/// ```
/// use local_registry_check::{Link, LinkVerdict};
///
/// let link = Link {
///     link: "registry".to_owned(),
///     verdict: LinkVerdict::Failed,
///     seen: "reg.io does not answer".to_owned(),
///     remedy: Some("start the registry".to_owned()),
/// };
/// assert_eq!(link.to_string(), "✗ registry: reg.io does not answer; start the registry");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Which link it is.
    pub link: String,
    /// Whether it holds.
    pub verdict: LinkVerdict,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Whether a link holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkVerdict {
    /// ✓: it holds.
    Ok,
    /// !: it may hold, or holds only in part.
    Warning,
    /// ✗: it does not hold.
    Failed,
}

impl Link {
    pub(super) fn new(link: impl Into<String>, verdict: LinkVerdict, seen: impl Into<String>) -> Self {
        Self { link: link.into(), verdict, seen: seen.into(), remedy: None }
    }

    pub(super) fn ok(link: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(link, LinkVerdict::Ok, seen)
    }

    pub(super) fn warning(link: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(link, LinkVerdict::Warning, seen)
    }

    pub(super) fn failed(link: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(link, LinkVerdict::Failed, seen)
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.verdict {
            LinkVerdict::Ok => '✓',
            LinkVerdict::Warning => '!',
            LinkVerdict::Failed => '✗',
        };
        let remedy = self.remedy.as_ref().map_or_else(String::new, |remedy| format!("; {remedy}"));
        f.write_str(&printable(&format!("{sign} {}: {}{remedy}", self.link, self.seen)))
    }
}
