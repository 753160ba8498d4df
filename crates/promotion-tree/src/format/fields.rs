//! Values of the types that manifests have. What has another type is an error, with its place.

use local_registry_core::Quoted;

use super::yaml::{Node, Value};
use crate::finding::{Findings, Position};

/// The fields of a mapping.
pub(crate) struct Fields<'n> {
    start: Position,
    entries: Vec<(&'n str, &'n Node)>,
}

/// The fields of a mapping that has these fields, and no others.
pub(crate) fn fields<'n>(node: &'n Node, known: &[&str], findings: &mut Findings) -> Option<Fields<'n>> {
    let mut entries = Vec::new();
    for (name, key, value) in mapping(node, &format!("a mapping with {}", names(known)), findings)? {
        if known.contains(&name) {
            entries.push((name, value));
        } else {
            let message = format!("the field {} is not known; known are {}", Quoted(name), names(known));
            findings.error(key.start, message);
        }
    }
    Some(Fields { start: node.start, entries })
}

impl<'n> Fields<'n> {
    pub(crate) fn optional(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(found, _)| *found == name).map(|(_, node)| *node)
    }

    pub(crate) fn required(&self, name: &str, findings: &mut Findings) -> Option<&'n Node> {
        let node = self.optional(name);
        if node.is_none() {
            findings.error(self.start, format!("the field `{name}` is missing"));
        }
        node
    }
}

/// The entries of a mapping: the text of the key, the key, the value.
pub(crate) fn mapping<'n>(
    node: &'n Node,
    expected: &str,
    findings: &mut Findings,
) -> Option<impl Iterator<Item = (&'n str, &'n Node, &'n Node)> + use<'n>> {
    match &node.value {
        Value::Mapping(entries) => {
            Some(entries.iter().filter_map(|(key, value)| key.text().map(|name| (name, key, value))))
        }
        _ => wrong(node, expected, findings),
    }
}

/// The elements of a list.
pub(crate) fn list<'n>(node: &'n Node, expected: &str, findings: &mut Findings) -> Option<&'n [Node]> {
    match &node.value {
        Value::List(elements) => Some(elements),
        _ => wrong(node, expected, findings),
    }
}

/// The text of a string.
pub(crate) fn string<'n>(node: &'n Node, expected: &str, findings: &mut Findings) -> Option<&'n str> {
    let text = node.text();
    if text.is_none() { wrong(node, expected, findings) } else { text }
}

/// The value of a boolean.
pub(crate) fn boolean(node: &Node, findings: &mut Findings) -> Option<bool> {
    match &node.value {
        Value::Scalar { text, plain: true } if text == "true" => Some(true),
        Value::Scalar { text, plain: true } if text == "false" => Some(false),
        _ => wrong(node, "`true` or `false`", findings),
    }
}

fn wrong<T>(node: &Node, expected: &str, findings: &mut Findings) -> Option<T> {
    findings.error(node.start, format!("found {}; expected {expected}", node.kind()));
    None
}

/// Names in a sentence.
fn names(known: &[&str]) -> String {
    let quoted: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
