//! What the suite says: an outcome for each of its rows.

use std::collections::BTreeMap;
use std::fmt;

/// The suite's rows by their names, such as `image/push/manifest-by-tag`.
pub(crate) type Rows = BTreeMap<String, Outcome>;

/// What came of a row, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The registry does what the specification asks for.
    Pass,
    /// The registry says that it does not support it, which the specification allows.
    Skip,
    /// The registry does something else.
    Fail,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Fail => "fail",
        })
    }
}

/// What every line about a row begins with.
const SUITE: &str = "OCI Conformance Test/";

/// The rows of the report that the suite prints. A row that it tries several times has the worst of its outcomes. What it was told to
/// leave out is no row, and neither is what only sums up others.
pub(crate) fn parse(report: &str) -> Rows {
    let mut rows = Rows::new();
    for line in report.lines() {
        let Some((name, status)) = line.trim_start().strip_prefix(SUITE).and_then(|row| row.rsplit_once(": ")) else {
            continue;
        };
        let outcome = match status {
            "Pass" => Outcome::Pass,
            "Skip" => Outcome::Skip,
            "FAIL" => Outcome::Fail,
            "Disabled" => continue,
            other => panic!("{name}: the suite says `{other}`, so it has failed itself:\n{report}"),
        };
        let worst = rows.entry(name.to_owned()).or_insert(outcome);
        *worst = outcome.max(*worst);
    }
    let sums: Vec<String> = rows.keys().filter(|row| rows.keys().any(|other| is_below(other, row))).cloned().collect();
    rows.retain(|row, _| !sums.contains(row));
    rows
}

fn is_below(row: &str, sum: &str) -> bool {
    row.strip_prefix(sum).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_has_no_parts_and_the_worst_counts() {
        let report = "Test results
OCI Conformance Test: FAIL
  OCI Conformance Test/ping: Pass
  OCI Conformance Test/sha256 blobs: FAIL
    OCI Conformance Test/sha256 blobs/post only: Skip
      OCI Conformance Test/sha256 blobs/post only/blob-post-only: Skip
       - registry does not support content in the POST
    OCI Conformance Test/sha256 blobs/mount: FAIL
      OCI Conformance Test/sha256 blobs/mount/blob-delete: Pass
      OCI Conformance Test/sha256 blobs/mount/blob-delete: FAIL
       - header value mismatch: \"Content-Type\"
      OCI Conformance Test/sha256 blobs/mount/blob-delete: Skip
    OCI Conformance Test/sha256 blobs/post cancel: Disabled
  OCI Conformance Test/sha256: Pass

OCI Conformance Result: FAIL
";
        let rows: Vec<(String, Outcome)> = parse(report).into_iter().collect();
        let expected = [
            ("ping", Outcome::Pass),
            ("sha256", Outcome::Pass),
            ("sha256 blobs/mount/blob-delete", Outcome::Fail),
            ("sha256 blobs/post only/blob-post-only", Outcome::Skip),
        ];
        assert_eq!(rows, expected.map(|(name, outcome)| (name.to_owned(), outcome)));
    }

    #[test]
    #[should_panic(expected = "the suite says `Error`, so it has failed itself")]
    fn a_fault_of_the_suite_is_no_row() {
        parse("  OCI Conformance Test/ping: Error");
    }
}
