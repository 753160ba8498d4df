//! Changes to an object, applied to its JSON text.
//!
//! Everything that is not changed keeps the text it came with: unknown fields, the order of keys, white
//! space and numbers of any size or precision come out as they went in.

use std::ops::Range;

use crate::json::{Node, Object};

/// Values to be set in an object, each at a path of field names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(Vec<(&'static str, Change)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// JSON text in place of whatever is there.
    Value(String),
    /// Changes within an object, which is made where it is missing or null.
    Fields(Edits),
}

/// An object has something else where the edits need an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object cannot be edited: its field `{field}` is {found}; expected an object")]
pub struct EditError {
    field: &'static str,
    found: &'static str,
}

/// What edits make an object longer by, roughly, in bytes; where they make it longer still, the text grows
/// once more.
const ROOM: usize = 1024;

impl Edits {
    /// Sets a string.
    pub(crate) fn set_text(&mut self, path: &[&'static str], text: &str) {
        self.set(path, json_string(text));
    }

    /// Sets `true`.
    pub(crate) fn set_true(&mut self, path: &[&'static str]) {
        self.set(path, "true".to_owned());
    }

    fn set(&mut self, path: &[&'static str], json: String) {
        let Some((name, rest)) = path.split_first() else { return };
        let index = self.0.iter().position(|(known, _)| known == name).unwrap_or(self.0.len());
        if index == self.0.len() {
            self.0.push((*name, Change::Fields(Self::default())));
        }
        if let Some((_, change)) = self.0.get_mut(index) {
            match change {
                Change::Fields(fields) if !rest.is_empty() => fields.set(rest, json),
                _ => *change = Change::Value(json),
            }
        }
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends an object to `out` with the edits made. `text` is what the object was read from, and
    /// `span` where it stands there.
    pub(crate) fn apply(
        &self,
        object: &Object<'_>,
        text: &str,
        span: Range<usize>,
        out: &mut String,
    ) -> Result<(), EditError> {
        out.reserve(span.len() + ROOM);
        let copied = self.splice(object, text, span.start, out)?;
        copy(text, copied..span.end, out);
        Ok(())
    }

    /// Appends the text from `copied` on, up to the end of what changes within the object; says where that is.
    fn splice(&self, object: &Object<'_>, text: &str, mut copied: usize, out: &mut String) -> Result<usize, EditError> {
        for entry in &object.entries {
            let Some((name, change)) = self.0.iter().find(|(name, _)| *name == entry.key) else { continue };
            match (change, &entry.value) {
                (Change::Fields(edits), Node::Object(inner)) => copied = edits.splice(inner, text, copied, out)?,
                (Change::Fields(_), value) if *value != Node::Null => {
                    return Err(EditError { field: name, found: value.kind() });
                }
                (change, _) => {
                    copy(text, copied..entry.span.start, out);
                    change.push_to(out);
                    copied = entry.span.end;
                }
            }
        }
        let mut missing = self.0.iter().filter(|(name, _)| object.entry(name).is_none()).peekable();
        if missing.peek().is_some() {
            copy(text, copied..object.end, out);
            copied = object.end;
            push_fields(missing, object.is_empty, out);
        }
        Ok(copied)
    }
}

impl Change {
    /// Appends what the value is where there was none.
    fn push_to(&self, out: &mut String) {
        match self {
            Self::Value(json) => out.push_str(json),
            Self::Fields(edits) => {
                out.push('{');
                push_fields(edits.0.iter(), true, out);
                out.push('}');
            }
        }
    }
}

fn push_fields<'e>(fields: impl Iterator<Item = &'e (&'static str, Change)>, mut is_first: bool, out: &mut String) {
    for (name, change) in fields {
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        out.push_str(&json_string(name));
        out.push(':');
        change.push_to(out);
    }
}

fn copy(text: &str, span: Range<usize>, out: &mut String) {
    out.push_str(text.get(span).unwrap_or_default());
}

/// A string as JSON. Only maps with keys that are no strings fail to become JSON.
fn json_string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields;

    /// Edits an object as if its output were injected and its annotations written.
    fn edited(text: &str) -> Result<String, EditError> {
        let mut edits = Edits::default();
        edits.set_text(&["spec", "output", "image"], "reg.io/\"a\"");
        edits.set_true(&["spec", "output", "insecure"]);
        edits.set_text(&["metadata", "annotations", "local-registry-hosting/output"], "true");
        let Node::Object(object) = Node::parse(text, fields::OBJECT).unwrap() else { return Ok(text.to_owned()) };
        let mut out = String::from("before ");
        edits.apply(&object, text, 0..text.len(), &mut out)?;
        Ok(out)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(edited(text).unwrap(), format!("before {expected}"));
    }

    #[test]
    fn values_are_replaced_where_they_stand() {
        check(
            r#"{ "x": 1e400, "spec": {"output": {"insecure": null ,"image":"a", "z":[ ]}}, "metadata":{"annotations":{"local-registry-hosting/output":"no"}} , "y":{} }"#,
            r#"{ "x": 1e400, "spec": {"output": {"insecure": true ,"image":"reg.io/\"a\"", "z":[ ]}}, "metadata":{"annotations":{"local-registry-hosting/output":"true"}} , "y":{} }"#,
        );
    }

    #[test]
    fn what_is_missing_null_or_empty_is_made() {
        let output = r#""output":{"image":"reg.io/\"a\"","insecure":true}"#;
        let annotations = r#""annotations":{"local-registry-hosting/output":"true"}"#;
        check("{ }", &format!(r#"{{ "spec":{{{output}}},"metadata":{{{annotations}}}}}"#));
        check(
            r#"{"metadata":{"name":"x" },"spec":{}}"#,
            &format!(r#"{{"metadata":{{"name":"x" ,{annotations}}},"spec":{{{output}}}}}"#),
        );
        check(
            r#"{"spec":{"a":1,"output":null},"metadata":null}"#,
            &format!(r#"{{"spec":{{"a":1,{output}}},"metadata":{{{annotations}}}}}"#),
        );
    }

    #[test]
    fn a_scalar_is_no_place_for_a_field() {
        for (text, found) in [(r#"{"spec":7}"#, "a number"), (r#"{"spec":[]}"#, "an array")] {
            assert_eq!(
                edited(text).unwrap_err().to_string(),
                format!("the object cannot be edited: its field `spec` is {found}; expected an object")
            );
        }
    }
}
