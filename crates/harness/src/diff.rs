//! A readable difference between two JSON values.

use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// The lines that differ, each with some lines around it; empty if the values are equal.
#[must_use]
pub fn unified(before: &Value, after: &Value, colour: bool) -> String {
    let (before, after) = (format!("{before:#}\n"), format!("{after:#}\n"));
    let diff = TextDiff::from_lines(&before, &after);
    let mut text = String::new();
    for group in diff.grouped_ops(3) {
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let (sign, code) = match change.tag() {
                ChangeTag::Delete => ("-", "31"),
                ChangeTag::Insert => ("+", "32"),
                ChangeTag::Equal => (" ", "0"),
            };
            if colour {
                let _ = writeln!(text, "\u{1b}[{code}m{sign} {}\u{1b}[0m", change.value().trim_end());
            } else {
                let _ = writeln!(text, "{sign} {}", change.value().trim_end());
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shows_what_changed_and_its_surroundings() {
        let before = json!({"spec": {"output": {"image": "team/app:v1"}}});
        let after = json!({"spec": {"output": {"image": "kind-registry:5000/team/app:v1"}}});
        let expected = r#"  {
    "spec": {
      "output": {
-       "image": "team/app:v1"
+       "image": "kind-registry:5000/team/app:v1"
      }
    }
  }
"#;
        assert_eq!(unified(&before, &after, false), expected);
    }

    #[test]
    fn equal_values_show_nothing() {
        assert_eq!(unified(&json!({"a": 1}), &json!({"a": 1}), true), "");
    }
}
