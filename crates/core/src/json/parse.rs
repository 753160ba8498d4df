//! Parses a text by a mask.

use super::error::{JsonError, Stop};
use super::mask::Mask;
use super::node::{Entry, Node, Object};
use super::reader::Reader;

impl<'a> Node<'a> {
    /// Keeps what `mask` names of `text`, which has to be one JSON value.
    pub(crate) fn parse(text: &'a str, mask: Mask) -> Result<Self, JsonError> {
        let mut reader = Reader::new(text);
        let node = read(&mut reader, Some(mask));
        node.and_then(|node| reader.finish().map(|()| node)).map_err(|stop| stop.within(text))
    }
}

/// Visits the text of each element of an array; `None` if the text is no array.
pub(crate) fn elements<'t>(text: &'t str, visit: &mut dyn FnMut(&'t str)) -> Option<()> {
    let mut reader = Reader::new(text);
    let mut more = reader.open(b'[', b']').ok()?;
    while more {
        reader.peek().ok()?;
        visit(reader.raw_value().ok()?);
        more = reader.next_or_close(b']').ok()?;
    }
    Some(())
}

/// Reads a value; without a mask, only its type.
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
        // An array within an array is skipped: nothing that the policy reads has one.
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
            Mask::Scalars(names) => (Some(Mask::Scalar), names.contains(&key.as_ref())),
            Mask::Fields(fields) => (fields.iter().find(|(name, _)| *name == key).map(|(_, mask)| *mask), true),
        };
        match kept {
            None => reader.skip_value()?,
            // JSON does not say which of the two counts, and readers differ. No Kubernetes encoder writes both.
            Some(_) if is_known && entries.iter().any(|entry| entry.key == key) => {
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
