//! A sparse reading of JSON: only the fields that a mask names are kept, the rest is skipped unread.
//!
//! Objects may be large and are mostly none of our business. Whatever is kept borrows from the text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Which parts of a JSON value are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mask {
    /// The value itself where it is a scalar; of an object or array only that it is one.
    Scalar,
    /// Of an object every key, each with a scalar value.
    Scalars,
    /// Of an object the named fields; of an array the same in each element.
    Fields(&'static [(&'static str, Mask)]),
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
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// An object was expected at the first `depth` parts of a path, and something else was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnObject {
    pub(crate) depth: usize,
    pub(crate) found: &'static str,
}

impl<'a> Node<'a> {
    /// Reads what `mask` names from `text`, all of which has to be one JSON value.
    pub(crate) fn parse(text: &'a str, mask: Mask) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let node = Seed(mask).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(node)
    }

    /// The value of a field of an object; `None` for other values, absent fields and null.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => {
                fields.iter().find(|(key, value)| key == name && *value != Self::Null).map(|(_, value)| value)
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
        }
    }
}

struct Seed(Mask);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Node::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Node::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Node::Number)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Node::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Node::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        if let Self(mask @ Mask::Fields(_)) = self {
            while let Some(element) = elements.next_element_seed(Seed(mask))? {
                kept.push(element);
            }
        } else {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(Node::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut kept: Vec<(Cow<'de, str>, Node<'de>)> = Vec::new();
        while let Some(Key(key)) = entries.next_key_seed(KeySeed)? {
            let mask = match self.0 {
                Mask::Scalar => None,
                Mask::Scalars => Some(Mask::Scalar),
                Mask::Fields(fields) => fields.iter().find(|(name, _)| *name == key).map(|(_, mask)| *mask),
            };
            let Some(mask) = mask else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            // JSON leaves open which of the two counts, and readers differ; no Kubernetes encoder writes it.
            if kept.iter().any(|(earlier, _)| *earlier == key) {
                return Err(A::Error::custom("the same key stands twice in an object"));
            }
            let value = entries.next_value_seed(Seed(mask))?;
            kept.push((key, value));
        }
        Ok(Node::Object(kept))
    }
}

/// A key of an object, borrowed where it has no escapes.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

/// Reads a [`Key`]; serde's own `Cow` would always copy.
pub(crate) struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(value.to_owned())))
    }
}
