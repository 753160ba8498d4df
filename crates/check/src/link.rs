//! One link of the chain.

use std::fmt;

use serde::Serialize;

/// One link of the chain: what was seen of it, and what to do about it.
///
/// Prints as `✓ link: what was seen`, with the remedy after a semicolon. That is one line, whatever others wrote into the
/// cluster: line ends, and what a terminal obeys or hides, are escaped.
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
        f.write_str(&one_line(&format!("{sign} {}: {}{remedy}", self.link, self.seen)))
    }
}

/// A text with every character escaped that ends a line, is not printed, or changes the direction of what is: others wrote
/// parts of it, and must not forge a line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // They are escaped for programs only.
            '"' | '\'' | '\\' => line.push(character),
            _ => line.extend(character.escape_debug()),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_makes_no_second_line() {
        let link = Link::failed("policy a\nb", "it\u{202e}s \"x\"\u{2028}\u{1b}[31m\r\n✓ safeguards: all is well")
            .remedy("run: a\tb\u{200f}\u{feff}");
        assert_eq!(
            link.to_string(),
            r#"✗ policy a\nb: it\u{202e}s "x"\u{2028}\u{1b}[31m\r\n✓ safeguards: all is well; run: a\tb\u{200f}\u{feff}"#
        );
        let plain = Link::ok("…", "it's `ä` \\ ✗");
        assert_eq!(plain.to_string(), "✓ …: it's `ä` \\ ✗");
    }
}
