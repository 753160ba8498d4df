//! Which of the three safeguards of a local image are missing.

use crate::link::{Link, LinkVerdict};

/// One of the safeguards, as the links about it say.
#[derive(Debug)]
pub(super) struct Safeguard {
    name: &'static str,
    /// The links by which it is missing.
    missing: Vec<String>,
    /// The links by which it may be missing, or is missing in part.
    doubtful: Vec<String>,
    fails: bool,
}

impl Safeguard {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, missing: Vec::new(), doubtful: Vec::new(), fails: false }
    }

    /// Heeds a link, and returns it.
    pub(super) fn heed(&mut self, link: Link) -> Link {
        match link.verdict {
            LinkVerdict::Ok => {}
            LinkVerdict::Warning => self.doubtful.push(link.link.clone()),
            LinkVerdict::Failed => {
                self.missing.push(link.link.clone());
                self.fails = true;
            }
        }
        link
    }

    /// Heeds a link that does not show whether the safeguard is there, and returns it.
    pub(super) fn heed_as_unknown(&mut self, link: Link) -> Link {
        self.doubtful.push(link.link.clone());
        link
    }

    /// Heeds a link that warns of a safeguard which is known to be missing, and returns it.
    pub(super) fn heed_as_missing(&mut self, link: Link) -> Link {
        self.missing.push(link.link.clone());
        self.fails |= link.verdict == LinkVerdict::Failed;
        link
    }
}

/// The last link: which safeguards are missing.
pub(super) fn safeguards(all: &[Safeguard]) -> Link {
    let named = |links: fn(&Safeguard) -> &[String]| {
        let with = all.iter().filter(|safeguard| !links(safeguard).is_empty());
        with.map(|safeguard| format!("{} ({})", safeguard.name, links(safeguard).join(", "))).collect::<Vec<_>>()
    };
    let missing = named(|safeguard| &safeguard.missing).join(", ");
    let doubtful = named(|safeguard| &safeguard.doubtful).join(", ");
    let seen = match (missing.as_str(), doubtful.as_str()) {
        ("", "") => {
            let seen = "the policy is asked, the guard refuses what it does not see, and the CRDs keep the field";
            return Link::ok("safeguards", seen);
        }
        (missing, "") => format!("of the three, these are missing: {missing}"),
        ("", doubtful) => format!("of the three, these may be missing in part: {doubtful}"),
        (missing, doubtful) => {
            format!("of the three, these are missing: {missing}; and these may be in part: {doubtful}")
        }
    };
    let fails = all.iter().any(|safeguard| safeguard.fails);
    Link::new("safeguards", if fails { LinkVerdict::Failed } else { LinkVerdict::Warning }, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(heed: impl FnOnce(&mut [Safeguard; 3]), expected: &str) {
        let mut all = [Safeguard::new("the policy"), Safeguard::new("the guard"), Safeguard::new("the field")];
        heed(&mut all);
        assert_eq!(safeguards(&all).to_string(), expected);
    }

    #[test]
    fn what_is_missing_is_named_with_its_links() {
        check(
            |[policy, ..]| drop(policy.heed(Link::ok("policy p webhook", ""))),
            "✓ safeguards: the policy is asked, the guard refuses what it does not see, and the CRDs keep the field",
        );
        check(
            |[policy, guard, field]| {
                policy.heed(Link::failed("policy p webhook", ""));
                policy.heed(Link::failed("policy p mode", ""));
                guard.heed(Link::failed("guard g", ""));
                field.heed_as_missing(Link::warning("CRD c", ""));
            },
            "✗ safeguards: of the three, these are missing: the policy (policy p webhook, policy p mode), the guard (guard g), the field (CRD c)",
        );
        check(
            |[_, _, field]| drop(field.heed_as_missing(Link::warning("CRD c", ""))),
            "! safeguards: of the three, these are missing: the field (CRD c)",
        );
        check(
            |[_, guard, _]| drop(guard.heed(Link::warning("guard g", ""))),
            "! safeguards: of the three, these may be missing in part: the guard (guard g)",
        );
        check(
            |[policy, guard, _]| {
                policy.heed(Link::failed("policy p", ""));
                guard.heed(Link::warning("Builds", ""));
            },
            "✗ safeguards: of the three, these are missing: the policy (policy p); and these may be in part: the guard (Builds)",
        );
    }
}
