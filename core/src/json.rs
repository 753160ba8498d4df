//! A sparse reading of JSON: only the fields that a mask names are kept, the rest is skipped unread.
//!
//! Objects may be large and are mostly none of our business. Whatever is kept borrows from the text, and
//! knows where it stands there, so that it can be replaced without writing the rest anew.

use std::borrow::Cow;
use std::ops::Range;

use crate::reader::{JsonError, Reader, Stop};

/// Which parts of a JSON value are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mask {
    /// The value itself where it is a scalar; of an object or array only that it is one.
    Scalar,
    /// The text of the value as it stands, unread: it is looked into where that turns out to matter.
    Raw,
    /// Of an object every key, each with a scalar value. The named ones may not stand twice.
    Scalars(&'static [&'static str]),
    /// Of an object the named fields; of an array the same in each element that is an object.
    Fields(&'static [(&'static str, Mask)]),
}

impl Mask {
    /// How many fields there mostly are at most. Growing is dearer than a little room that stays empty.
    fn room(self) -> usize {
        match self {
            Self::Scalar | Self::Raw => 0,
            Self::Scalars(names) => names.len(),
            Self::Fields(fields) => fields.len(),
        }
    }
}

/// A JSON value, as far as a [`Mask`] kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    /// No number is ever ours, so its value is not kept.
    Number,
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Object<'a>),
    /// Any value, as text; two are the same where their texts are.
    Raw(&'a str),
}

/// A JSON object, as far as a [`Mask`] kept it.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    /// The fields that were kept, in the order in which they stand.
    pub(crate) entries: Vec<Entry<'a>>,
    /// Whether the object has no fields, not even such as were not kept.
    pub(crate) is_empty: bool,
    /// Where its closing bracket stands.
    pub(crate) end: usize,
}

/// A field of an object.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Node<'a>,
    /// Where the value stands.
    pub(crate) span: Range<usize>,
}

/// Two objects are the same where their fields are, wherever they stand.
impl PartialEq for Object<'_> {
    fn eq(&self, other: &Self) -> bool {
        let fields = |object: &Self| object.entries.len();
        fields(self) == fields(other)
            && self
                .entries
                .iter()
                .zip(&other.entries)
                .all(|(ours, theirs)| ours.key == theirs.key && ours.value == theirs.value)
    }
}

impl Eq for Object<'_> {}

impl<'a> Object<'a> {
    /// A field of the object, which may be null.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| is_same(&entry.key, name))
    }
}

/// An object was expected at the first `depth` parts of a path, and something else was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnObject {
    pub(crate) depth: usize,
    pub(crate) found: &'static str,
}

impl<'a> Node<'a> {
    /// Reads what `mask` names from `text`, all of which has to be one JSON value.
    pub(crate) fn parse(text: &'a str, mask: Mask) -> Result<Self, JsonError> {
        let mut reader = Reader::new(text);
        let node = read(&mut reader, Some(mask));
        node.and_then(|node| reader.finish().map(|()| node)).map_err(|stop| stop.within(text))
    }

    /// The value of a field of an object; `None` for other values, absent fields and null.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => {
                object.entry(name).map(|entry| &entry.value).filter(|value| !matches!(value, Self::Null))
            }
            _ => None,
        }
    }

    /// The value at `path`; `None` where it, or an object on the way to it, is absent or null.
    pub(crate) fn at(&self, path: &[&str]) -> Result<Option<&Self>, NotAnObject> {
        let mut node = self;
        for (depth, name) in path.iter().enumerate() {
            if !matches!(node, Self::Object(_)) {
                return Err(NotAnObject { depth, found: node.kind() });
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

    /// What the value is, as messages say it.
    pub(crate) fn kind(&self) -> &'static str {
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

/// Reads a value; without a mask, only of which kind it is.
fn read<'a>(reader: &mut Reader<'a>, mask: Option<Mask>) -> Result<Node<'a>, Stop> {
    let first = reader.peek()?;
    if let Some(Mask::Raw) = mask {
        return reader.raw_value().map(Node::Raw);
    }
    match first {
        b'{' => match mask {
            Some(mask @ (Mask::Fields(_) | Mask::Scalars(_))) => read_object(reader, mask),
            _ => skip(reader, Node::Object(Object { entries: Vec::new(), is_empty: true, end: 0 })),
        },
        b'[' => match mask {
            Some(mask @ Mask::Fields(_)) => read_array(reader, mask),
            _ => skip(reader, Node::Array(Vec::new())),
        },
        b'"' => Ok(Node::String(reader.string()?)),
        b't' => skip(reader, Node::Bool(true)),
        b'f' => skip(reader, Node::Bool(false)),
        b'n' => skip(reader, Node::Null),
        _ => skip(reader, Node::Number),
    }
}

fn skip<'a>(reader: &mut Reader<'a>, node: Node<'a>) -> Result<Node<'a>, Stop> {
    reader.skip_value()?;
    Ok(node)
}

fn read_array<'a>(reader: &mut Reader<'a>, mask: Mask) -> Result<Node<'a>, Stop> {
    let mut elements = Vec::new();
    let mut more = reader.open(b'[', b']')?;
    while more {
        // An array within an array is not looked into: there is no such thing in what we read.
        let mask = (reader.peek()? == b'{').then_some(mask);
        elements.push(read(reader, mask)?);
        more = reader.next_or_close(b']')?;
    }
    Ok(Node::Array(elements))
}

fn read_object<'a>(reader: &mut Reader<'a>, mask: Mask) -> Result<Node<'a>, Stop> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut more = reader.open(b'{', b'}')?;
    let is_empty = !more;
    while more {
        let key = reader.key()?;
        let (kept, is_known) = match mask {
            Mask::Scalar | Mask::Raw => (None, false),
            Mask::Scalars(names) => (Some(Mask::Scalar), names.iter().any(|name| is_same(name, &key))),
            Mask::Fields(fields) => (fields.iter().find(|(name, _)| is_same(name, &key)).map(|(_, mask)| *mask), true),
        };
        match kept {
            None => reader.skip_value()?,
            // JSON leaves open which of the two counts, and readers differ; no Kubernetes encoder writes it.
            Some(_) if is_known && entries.iter().any(|entry| is_same(&entry.key, &key)) => {
                return Err(reader.double_key());
            }
            Some(inner) => {
                reader.peek()?;
                let start = reader.position();
                let value = read(reader, Some(inner))?;
                if entries.capacity() == 0 {
                    entries = Vec::with_capacity(mask.room());
                }
                entries.push(Entry { key, value, span: start..reader.position() });
            }
        }
        more = reader.next_or_close(b'}')?;
    }
    Ok(Node::Object(Object { entries, is_empty, end: reader.position() - 1 }))
}

/// Whether two short texts are the same. The comparison of `str` is a call, and a loop behind it, even where
/// the first letters differ; over all the keys of a request, that is seen.
#[inline]
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| a == b)
}
