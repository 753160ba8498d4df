//! YAML as a tree of values, each with its place. Strict: one document, no aliases, no tags, no duplicate keys.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span};
use local_registry_core::Quoted;
use local_registry_core::text::Excerpt;

use crate::finding::{Findings, Position};

/// How deep lists and mappings may be in each other. A manifest needs five levels.
const DEEPEST: usize = 16;

/// A value, and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) start: Position,
    /// Byte offsets of the value in the file.
    pub(crate) bytes: std::ops::Range<usize>,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Value {
    /// A text as it was written, without quotes and escapes. `plain` if it had no quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys and values in the order of the file. Keys are unique.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// What the value is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { plain: true, text } if matches!(text.as_str(), "true" | "false") => "a boolean",
            Value::Scalar { .. } => "a string",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// Whether the value is nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if is_null(text))
    }

    /// The text of a scalar. YAML reads some words without quotes as something else than a string: those are none.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain } if !(*plain && is_other(text)) => Some(text),
            _ => None,
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether YAML reads the word as null or as a boolean.
fn is_other(text: &str) -> bool {
    is_null(text) || matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// A text as a scalar: in quotes if YAML reads it as something else without.
pub(crate) fn scalar(text: &str) -> String {
    if is_other(text) { format!("\"{text}\"") } else { text.to_owned() }
}

/// A list or a mapping that is not complete yet.
struct Open {
    start: Position,
    offset: usize,
    nodes: Vec<Node>,
    is_mapping: bool,
}

/// Reads one document. What is wrong is added to the findings; `None` if it is not YAML, or has nothing in it.
pub(crate) fn read(text: &str, findings: &mut Findings) -> Option<Node> {
    if let Some((position, character)) = hidden(text) {
        let message = format!(
            "has the character {}, which hides from a reader what the file says; write the file without it",
            character.escape_unicode()
        );
        findings.error(position, message);
        return None;
    }
    let mut options = Options::default();
    options.emit_comments = false;
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let message = error.kind().to_string();
                findings.error(position(error.marker()), format!("is not valid YAML: {}", Excerpt(&message)));
                return None;
            }
        };
        let start = position(&span.start);
        if let Some(name) = event.tag().map(granit_parser::Tag::original) {
            findings.error(start, format!("has the YAML tag {}; write the value without it", Quoted(&name)));
        }
        let offset = span.start.byte_offset().unwrap_or_default();
        if matches!(&event, Event::Scalar(_, ScalarStyle::DoubleQuoted, ..))
            && text.get(range(&span)).is_some_and(|written| written.contains('\\'))
        {
            findings.error(start, "has an escape, which hides from a reader what the file says; write the text itself");
        }
        let node = match event {
            Event::Scalar(value, style, ..) => Some(Node {
                start,
                bytes: range(&span),
                value: Value::Scalar { text: value.into_owned(), plain: style == ScalarStyle::Plain },
            }),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == DEEPEST {
                    findings.error(start, format!("is nested deeper than {DEEPEST} levels"));
                    return None;
                }
                let is_mapping = matches!(event, Event::MappingStart(..));
                open.push(Open { start, offset, nodes: Vec::new(), is_mapping });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| close(open, &span, findings)),
            Event::Alias(..) => {
                findings.error(start, "is an alias of another value; write the value itself");
                return None;
            }
            Event::DocumentStart(..) if root.is_some() => {
                findings.error(start, "is a second document; a file has one");
                return root;
            }
            _ => None,
        };
        match (node, open.last_mut()) {
            (Some(node), Some(parent)) => parent.nodes.push(node),
            (Some(node), None) => root = Some(node),
            (None, _) => {}
        }
    }
    root
}

/// The first character that shows a reader another text than a parser reads: one that ends a line for only one of both, that
/// turns the direction of what follows, or that a terminal obeys.
fn hidden(text: &str) -> Option<(Position, char)> {
    let mut position = Position { line: 1, column: 1 };
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_hidden = match character {
            '\n' | '\t' => false,
            '\r' => characters.peek() != Some(&'\n'),
            // Ends of lines, and marks and controls of the direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            // A mark of the encoding, anywhere but in front.
            '\u{feff}' => position != Position { line: 1, column: 1 },
            other => other.is_control(),
        };
        if is_hidden {
            return Some((position, character));
        }
        position = match character {
            '\n' => Position { line: position.line + 1, column: 1 },
            _ => Position { column: position.column + 1, ..position },
        };
    }
    None
}

/// The value that a list or mapping has become.
fn close(open: Open, end: &Span, findings: &mut Findings) -> Node {
    let bytes = open.offset..end.end.byte_offset().unwrap_or(open.offset);
    if !open.is_mapping {
        return Node { start: open.start, bytes, value: Value::List(open.nodes) };
    }
    let mut entries: Vec<(Node, Node)> = Vec::new();
    let mut lines: HashMap<String, u32> = HashMap::new();
    let mut nodes = open.nodes.into_iter();
    while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
        let Some(name) = key.text() else {
            findings.error(key.start, format!("is {}, and a key is a string", key.kind()));
            continue;
        };
        if let Some(line) = lines.get(name) {
            let message = format!("the key {} is there already, on line {line}; write it once", Quoted(name));
            findings.error(key.start, message);
            continue;
        }
        lines.insert(name.to_owned(), key.start.line);
        entries.push((key, value));
    }
    Node { start: open.start, bytes, value: Value::Mapping(entries) }
}

fn position(marker: &Marker) -> Position {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col() + 1) }
}

fn range(span: &Span) -> std::ops::Range<usize> {
    let start = span.start.byte_offset().unwrap_or_default();
    start..span.end.byte_offset().unwrap_or(start)
}
