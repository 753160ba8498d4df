//! Edits of an object, applied to its JSON text.
//!
//! Whatever is not edited keeps its text: unknown fields, the order of keys, white space, and numbers of any size or
//! precision.

use std::ops::Range;

use super::Path;
use super::error::Stop;
use super::node::{Node, Object};
use super::reader::Reader;

/// The edits of an object: fields to set or to remove, each by its path.
///
/// [`Request::apply`](crate::Request::apply) makes them, as [`decide`](crate::decide) shows.
///
/// ```
/// assert!(local_registry_core::admission::Edits::default().is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(Vec<(&'static str, Change)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// The field gets this JSON text as its value.
    Value(String),
    /// The field is an object, and these edits are made in it. It is created if it is absent or null.
    Fields(Edits),
    /// The field is a list, and these fields of its elements get these values, in the order of the elements.
    Elements(Vec<ElementChange>),
    /// The field is removed.
    Removal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ElementChange {
    index: usize,
    /// The path of the field in the element.
    field: Path,
    /// JSON text.
    value: String,
}

/// An object cannot be edited, since a field on the way to an edit is not an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object cannot be edited: {0}")]
pub struct EditError(Cause);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Cause {
    #[error("its field `{field}` is {found}; expected an object")]
    NotAnObject { field: &'static str, found: &'static str },
    #[error("its field `{field}` is not a list with the elements that were read")]
    NoElement { field: &'static str },
    #[error("its text is not what was read")]
    Unreadable,
}

impl From<Stop> for EditError {
    fn from(_: Stop) -> Self {
        Self(Cause::Unreadable)
    }
}

/// How many bytes the edits usually add. If they add more, the text is reallocated once.
const ROOM: usize = 1024;

impl Edits {
    /// Sets a string.
    pub(crate) fn set_text(&mut self, path: &[&'static str], text: &str) {
        self.set(path, Change::Value(json_string(text)));
    }

    /// Replaces a field of an element of a list by a string. The field must exist. Elements are edited in their order.
    pub(crate) fn set_text_of_element(&mut self, list: &[&'static str], index: usize, field: Path, text: &str) {
        self.set(list, Change::Elements(vec![ElementChange { index, field, value: json_string(text) }]));
    }

    /// Sets a JSON text.
    pub(crate) fn set_json(&mut self, path: &[&'static str], json: String) {
        self.set(path, Change::Value(json));
    }

    /// Sets `true`.
    pub(crate) fn set_true(&mut self, path: &[&'static str]) {
        self.set_json(path, "true".to_owned());
    }

    /// Removes a field. The object that has it must exist.
    pub(crate) fn remove(&mut self, path: &[&'static str]) {
        self.set(path, Change::Removal);
    }

    fn set(&mut self, path: &[&'static str], new: Change) {
        let Some((name, rest)) = path.split_first() else { return };
        let index = self.0.iter().position(|(known, _)| known == name).unwrap_or(self.0.len());
        if index == self.0.len() {
            self.0.push((*name, Change::Fields(Self::default())));
        }
        if let Some((_, change)) = self.0.get_mut(index) {
            match (change, new) {
                (Change::Fields(fields), new) if !rest.is_empty() => fields.set(rest, new),
                (Change::Elements(known), Change::Elements(new)) => known.extend(new),
                (change, new) => *change = new,
            }
        }
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the edited object to `out`. `text` is what the object was read from, `span` its position there.
    pub(crate) fn apply(
        &self,
        object: &Object<'_>,
        text: &str,
        span: Range<usize>,
        out: &mut String,
    ) -> Result<(), EditError> {
        out.reserve(span.len() + ROOM);
        let copied = self.splice(object, text, span.clone(), span.start, out)?;
        copy(text, copied..span.end, out);
        Ok(())
    }

    /// Appends the text from `copied` up to the end of the last edit in the object at `span`; returns that position.
    fn splice(
        &self,
        object: &Object<'_>,
        text: &str,
        span: Range<usize>,
        mut copied: usize,
        out: &mut String,
    ) -> Result<usize, EditError> {
        if self.0.iter().any(|(_, change)| *change == Change::Removal) {
            copy(text, copied..span.start, out);
            self.rewrite(object, text.get(span.clone()).unwrap_or_default(), out)?;
            return Ok(span.end);
        }
        for entry in &object.entries {
            let Some((name, change)) = self.0.iter().find(|(name, _)| *name == entry.key) else { continue };
            match (change, &entry.value) {
                (Change::Fields(edits), Node::Object(inner)) => {
                    copied = edits.splice(inner, text, entry.span.clone(), copied, out)?;
                }
                (Change::Fields(_), value) if *value != Node::Null => {
                    return Err(EditError(Cause::NotAnObject { field: name, found: value.type_name() }));
                }
                (Change::Elements(changes), Node::Array(elements)) => {
                    copied = splice_elements(changes, elements, text, copied, out)
                        .ok_or(EditError(Cause::NoElement { field: name }))?;
                }
                (Change::Elements(_), _) => return Err(EditError(Cause::NoElement { field: name })),
                (change, _) => {
                    copy(text, copied..entry.span.start, out);
                    change.push_to(out);
                    copied = entry.span.end;
                }
            }
        }
        let mut missing = self.0.iter().filter(|(name, _)| object.entry(name).is_none()).peekable();
        if let Some((field, _)) = missing.clone().find(|(_, change)| matches!(change, Change::Elements(_))) {
            return Err(EditError(Cause::NoElement { field }));
        }
        if missing.peek().is_some() {
            copy(text, copied..object.end, out);
            copied = object.end;
            push_fields(missing, object.is_empty, out);
        }
        Ok(copied)
    }

    /// Appends an object, without the fields that are removed; `text` is the object's. Every field is read and written
    /// again, so that the commas are right. The other edits in such an object are values, never [`Change::Fields`].
    fn rewrite(&self, object: &Object<'_>, text: &str, out: &mut String) -> Result<(), EditError> {
        let mut reader = Reader::new(text);
        let mut more = reader.open(b'{', b'}')?;
        let mut is_first = true;
        out.push('{');
        while more {
            let start = reader.position();
            let key = reader.key()?;
            reader.peek()?;
            let value = reader.position();
            reader.skip_value()?;
            let end = reader.position();
            let change = self.0.iter().find(|(name, _)| *name == key).map(|(_, change)| change);
            if change != Some(&Change::Removal) {
                if !std::mem::take(&mut is_first) {
                    out.push(',');
                }
                copy(text, start..value, out);
                match change {
                    Some(change) => change.push_to(out),
                    None => copy(text, value..end, out),
                }
            }
            more = reader.next_or_close(b'}')?;
        }
        let missing = self.0.iter().filter(|(name, change)| object.entry(name).is_none() && *change != Change::Removal);
        push_fields(missing, is_first, out);
        out.push('}');
        Ok(())
    }
}

impl Change {
    /// Appends the value of a field that is new.
    fn push_to(&self, out: &mut String) {
        match self {
            Self::Value(json) => out.push_str(json),
            Self::Fields(edits) => {
                out.push('{');
                push_fields(edits.0.iter(), true, out);
                out.push('}');
            }
            // A list that is missing is an error before it would get here.
            Self::Elements(_) | Self::Removal => {}
        }
    }
}

/// Appends the text from `copied` up to the end of the last edit in a list; returns that position. `None` if an element
/// or its field is not there.
fn splice_elements(
    changes: &[ElementChange],
    elements: &[Node<'_>],
    text: &str,
    mut copied: usize,
    out: &mut String,
) -> Option<usize> {
    for change in changes {
        let (last, parents) = change.field.split_last()?;
        let Node::Object(parent) = elements.get(change.index)?.at(parents).ok()?? else { return None };
        let entry = parent.entry(last)?;
        copy(text, copied..entry.span.start, out);
        out.push_str(&change.value);
        copied = entry.span.end;
    }
    Some(copied)
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

/// Appends a part of a text.
#[inline(never)]
pub(crate) fn copy(text: &str, span: Range<usize>, out: &mut String) {
    out.push_str(text.get(span).unwrap_or_default());
}

/// A string as JSON. serde_json fails for maps whose keys are not strings, and for nothing else.
pub(crate) fn json_string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Mask::{self, Fields, Scalar};

    const MASK: Mask = Fields(&[
        (
            "metadata",
            Fields(&[(
                "annotations",
                Fields(&[("local-registry-hosting/output", Scalar), ("local-registry-hosting/source", Scalar)]),
            )]),
        ),
        ("spec", Fields(&[("output", Fields(&[("image", Scalar), ("local", Scalar), ("insecure", Scalar)]))])),
    ]);

    /// Edits an object as if its output were injected and its annotations written.
    fn edited(text: &str) -> Result<String, EditError> {
        let mut edits = Edits::default();
        edits.set_text(&["spec", "output", "image"], "reg.io/\"a\"");
        edits.set_true(&["spec", "output", "insecure"]);
        edits.set_text(&["metadata", "annotations", "local-registry-hosting/output"], "true");
        let Node::Object(object) = Node::parse(text, MASK).unwrap() else { return Ok(text.to_owned()) };
        let mut out = String::from("before ");
        edits.apply(&object, text, 0..text.len(), &mut out)?;
        Ok(out)
    }

    /// Removes the field `local`, makes the output insecure, and replaces one annotation by another.
    fn reduced(text: &str) -> String {
        let mut edits = Edits::default();
        edits.remove(&["spec", "output", "local"]);
        edits.set_true(&["spec", "output", "insecure"]);
        edits.remove(&["metadata", "annotations", "local-registry-hosting/output"]);
        edits.set_text(&["metadata", "annotations", "local-registry-hosting/source"], "recorded");
        let Node::Object(object) = Node::parse(text, MASK).unwrap() else { return text.to_owned() };
        let mut out = String::new();
        edits.apply(&object, text, 0..text.len(), &mut out).unwrap();
        out
    }

    #[test]
    fn a_field_is_removed_with_its_comma() {
        for (annotations, left) in [
            (r#"{"local-registry-hosting/output":"true"}"#, r#"{"local-registry-hosting/source":"recorded"}"#),
            (
                r#"{ "local-registry-hosting/output" : "true" , "z": "1e2" }"#,
                r#"{ "z": "1e2","local-registry-hosting/source":"recorded"}"#,
            ),
            (
                r#"{"a":"b","local-registry-hosting/source":"x","local-registry-hosting/output":"true"}"#,
                r#"{"a":"b","local-registry-hosting/source":"recorded"}"#,
            ),
        ] {
            for (output, kept) in [
                (r#"{"image":"a","local":true}"#, r#"{"image":"a","insecure":true}"#),
                (r#"{"local":true,"insecure":null}"#, r#"{"insecure":true}"#),
                (r#"{ "x":[1.0], "local":true , "y":{ } }"#, r#"{"x":[1.0], "y":{ },"insecure":true}"#),
            ] {
                let text = format!(r#"{{"metadata":{{"annotations":{annotations}}}, "spec":{{"output":{output} }} }}"#);
                let expected = format!(r#"{{"metadata":{{"annotations":{left}}}, "spec":{{"output":{kept} }} }}"#);
                assert_eq!(reduced(&text), expected);
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(edited(text).unwrap(), format!("before {expected}"));
    }

    #[test]
    fn values_are_replaced_in_place() {
        check(
            r#"{ "x": 1e400, "spec": {"output": {"insecure": null ,"image":"a", "z":[ ]}}, "metadata":{"annotations":{"local-registry-hosting/output":"no"}} , "y":{} }"#,
            r#"{ "x": 1e400, "spec": {"output": {"insecure": true ,"image":"reg.io/\"a\"", "z":[ ]}}, "metadata":{"annotations":{"local-registry-hosting/output":"true"}} , "y":{} }"#,
        );
    }

    #[test]
    fn an_object_that_is_missing_null_or_empty_is_created() {
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

    const LISTS: Mask =
        Fields(&[("spec", Fields(&[("a", Fields(&[("image", Scalar)])), ("b", Fields(&[("image", Scalar)]))]))]);

    /// Edits the first and third element of one list, and the second of another.
    fn edited_lists(text: &str) -> Result<String, EditError> {
        let mut edits = Edits::default();
        edits.set_text_of_element(&["spec", "a"], 0, &["image"], "x");
        edits.set_text_of_element(&["spec", "a"], 2, &["image"], "y");
        edits.set_text_of_element(&["spec", "b"], 1, &["image"], "z");
        let Node::Object(object) = Node::parse(text, LISTS).unwrap() else { return Ok(text.to_owned()) };
        let mut out = String::new();
        edits.apply(&object, text, 0..text.len(), &mut out)?;
        Ok(out)
    }

    #[test]
    fn elements_of_lists_are_edited_in_place() {
        for (a, b) in [("a", "b"), ("b", "a")] {
            let list = |name, new: [&str; 3]| {
                let [first, second, third] = new;
                format!(
                    r#""{name}" : [ {{"n":1e400,"image" :"{first}"}},{{"image":"{second}"}}, {{ "image":"{third}", "o":[ ]}}]"#
                )
            };
            let object = |of_a, of_b| {
                let lists = [("a", list("a", of_a)), ("b", list("b", of_b))];
                let at = |name| lists.iter().find(|(known, _)| *known == name).unwrap().1.clone();
                format!(r#"{{"spec":{{"q":-0.0,{},{} ,"r":[1]}} }}"#, at(a), at(b))
            };
            let text = object(["1", "2", "3"], ["4", "5", "6"]);
            assert_eq!(edited_lists(&text).unwrap(), object(["x", "2", "y"], ["4", "z", "6"]));
        }
    }

    #[test]
    fn an_element_that_is_not_there_cannot_be_edited() {
        for spec in [
            "{}",
            r#"{"a":7,"b":[{},{"image":""}]}"#,
            r#"{"a":[{"image":""}],"b":[{},{"image":""}]}"#,
            r#"{"a":[{"image":""},{},{}],"b":[{},{"image":""}]}"#,
            r#"{"a":[{"image":""},{},7],"b":[{},{"image":""}]}"#,
        ] {
            let error = edited_lists(&format!(r#"{{"spec":{spec}}}"#)).unwrap_err().to_string();
            let expected = "the object cannot be edited: its field `a` is not a list with the elements that were read";
            assert_eq!(error, expected, "{spec}");
        }
    }

    #[test]
    fn a_field_cannot_be_added_to_a_value_that_is_not_an_object() {
        for (text, found) in [(r#"{"spec":7}"#, "a number"), (r#"{"spec":[]}"#, "an array")] {
            assert_eq!(
                edited(text).unwrap_err().to_string(),
                format!("the object cannot be edited: its field `spec` is {found}; expected an object")
            );
        }
    }
}
