//! What is expected of the suite: `e2e/conformance/expected.yaml`, and how rows differ from it.

use std::collections::BTreeMap;

use local_registry_core::text::matches_wildcard;
use local_registry_testkit::repository;
use serde::Deserialize;

use crate::rows::{Outcome, Rows};

/// Where the expectations are.
const FILE: &str = "e2e/conformance/expected.yaml";

/// Why rows do not pass.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cause {
    why: String,
    /// Patterns of rows that fail.
    #[serde(default)]
    fail: Vec<String>,
    /// Patterns of rows that the suite skips, since the registry does not support what they are about.
    #[serde(default)]
    skip: Vec<String>,
}

impl Cause {
    fn patterns(&self) -> impl Iterator<Item = (&str, Outcome)> {
        let failing = self.fail.iter().map(|pattern| (pattern.as_str(), Outcome::Fail));
        failing.chain(self.skip.iter().map(|pattern| (pattern.as_str(), Outcome::Skip)))
    }
}

/// The causes of these kinds of registries.
pub(crate) fn causes(kinds: &[&str]) -> Vec<Cause> {
    let mut all: BTreeMap<String, Vec<Cause>> = serde_saphyr::from_str(&repository::text(FILE)).unwrap();
    let of = |kind: &&str| all.remove(*kind).unwrap_or_else(|| panic!("{FILE}: has no `{kind}`"));
    kinds.iter().flat_map(of).collect()
}

/// How the rows differ from what is expected, a line each.
pub(crate) fn differences(rows: &Rows, causes: &[Cause]) -> Vec<String> {
    let mut lines = Vec::new();
    let patterns =
        || causes.iter().flat_map(|cause| cause.patterns().map(move |(text, outcome)| (cause, text, outcome)));
    for (row, outcome) in rows {
        let expected = patterns().find(|(_, pattern, _)| matches_wildcard(pattern, row, '/'));
        match expected {
            None if *outcome == Outcome::Pass => {}
            None => lines.push(format!(
                "{row}: {outcome}; it is expected to pass; fix the registry's configuration, or give the row its cause in {FILE} and in docs/conformance.md"
            )),
            Some((_, _, expected)) if expected == *outcome => {}
            Some((cause, pattern, expected)) => lines.push(format!(
                "{row}: {outcome}; `{pattern}` expects it to {expected} ({}); change {FILE} and docs/conformance.md",
                cause.why
            )),
        }
    }
    for (cause, pattern, _) in patterns() {
        if !rows.keys().any(|row| matches_wildcard(pattern, row, '/')) {
            lines.push(format!(
                "`{pattern}` ({}): the suite has no such row; change {FILE} and docs/conformance.md",
                cause.why
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[(&str, Outcome)], expected: &[&str]) {
        let rows = rows.iter().map(|(row, outcome)| ((*row).to_owned(), *outcome)).collect();
        let causes = [Cause {
            why: "nobody knows".to_owned(),
            fail: vec!["new/*".to_owned()],
            skip: vec!["old/push".to_owned()],
        }];
        assert_eq!(differences(&rows, &causes), expected);
    }

    #[test]
    fn what_is_expected_is_no_difference() {
        check(&[("new/push", Outcome::Fail), ("old/push", Outcome::Skip), ("old/pull", Outcome::Pass)], &[]);
    }

    #[test]
    fn a_row_that_fails_is_one() {
        let rest = "it is expected to pass; fix the registry's configuration, or give the row its cause in e2e/conformance/expected.yaml and in docs/conformance.md";
        check(
            &[
                ("new/push", Outcome::Fail),
                ("new/push/deep", Outcome::Skip),
                ("old/pull", Outcome::Fail),
                ("old/push", Outcome::Skip),
            ],
            &[&format!("new/push/deep: skip; {rest}"), &format!("old/pull: fail; {rest}")],
        );
    }

    #[test]
    fn a_row_that_passes_is_one_if_it_is_expected_to_fail() {
        let rest = "(nobody knows); change e2e/conformance/expected.yaml and docs/conformance.md";
        check(
            &[("new/pull", Outcome::Skip), ("new/push", Outcome::Pass), ("old/push", Outcome::Fail)],
            &[
                &format!("new/pull: skip; `new/*` expects it to fail {rest}"),
                &format!("new/push: pass; `new/*` expects it to fail {rest}"),
                &format!("old/push: fail; `old/push` expects it to skip {rest}"),
            ],
        );
    }

    #[test]
    fn a_row_that_is_gone_is_one() {
        check(
            &[("new/push", Outcome::Fail)],
            &[
                "`old/push` (nobody knows): the suite has no such row; change e2e/conformance/expected.yaml and docs/conformance.md",
            ],
        );
    }
}
