//! What a mask kept of a JSON value.

use std::borrow::Cow;
use std::ops::Range;

/// What a [`Mask`](super::Mask) kept of a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    /// The policy reads no number, so its value is not kept.
    Number,
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Object<'a>),
    /// Any value, as text. Two are equal if their texts are.
    Raw(&'a str),
}

/// What a [`Mask`](super::Mask) kept of a JSON object.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    /// The fields that were kept, in the order of the text.
    pub(crate) entries: Vec<Entry<'a>>,
    /// Whether the object has no fields at all, kept or skipped.
    pub(super) is_empty: bool,
    /// The position of its closing bracket.
    pub(super) end: usize,
}

/// A field of an object.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Node<'a>,
    /// The position of the value in the text.
    pub(crate) span: Range<usize>,
}

/// Two objects are equal if their fields are, whatever their positions.
impl PartialEq for Object<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(a, b)| a.key == b.key && a.value == b.value)
    }
}

impl Eq for Object<'_> {}

impl<'a> Object<'a> {
    /// A field of the object, which may be null.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == name)
    }
}

/// Something on the way to a path is not an object: the value at its first `depth` parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnObject {
    pub(crate) depth: usize,
    /// The type of the value.
    pub(crate) found: &'static str,
}

impl Node<'_> {
    /// The value of an object's field; `None` if the field is absent or null, or the value is not an object.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => {
                object.entry(name).map(|entry| &entry.value).filter(|value| !matches!(value, Self::Null))
            }
            _ => None,
        }
    }

    /// The value at `path`; `None` if it, or an object on the way to it, is absent or null.
    pub(crate) fn at(&self, path: &[&str]) -> Result<Option<&Self>, NotAnObject> {
        let mut node = self;
        for (depth, name) in path.iter().enumerate() {
            if !matches!(node, Self::Object(_)) {
                return Err(NotAnObject { depth, found: node.type_name() });
            }
            match node.field(name) {
                Some(value) => node = value,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value's type, as messages name it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
            Self::Raw(_) => "a value",
        }
    }
}
