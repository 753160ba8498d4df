//! Changes to an object, applied to its JSON text.
//!
//! Everything that is not changed keeps the text it came with: unknown fields, the order of keys and
//! numbers of any size or precision come out as they went in.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Key, KeySeed};

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

/// The text could not be edited.
#[derive(Debug, thiserror::Error)]
#[error("the object cannot be edited: {0}")]
pub struct EditError(serde_json::Error);

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

    /// Finds the object at `path` within the JSON `text`, and appends it to `out` with the edits made.
    ///
    /// # Errors
    /// Where the text is no JSON, has nothing at the path, or has a scalar where the edits need an object.
    pub fn apply_at(&self, path: &[&str], text: &str, out: &mut String) -> Result<(), EditError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let edited = Descend { path, edits: self, out }.deserialize(&mut deserializer);
        edited.and_then(|()| deserializer.end()).map_err(EditError)
    }

    fn push_new(&self, out: &mut String) {
        out.push('{');
        self.push_missing(&[], out);
        out.push('}');
    }

    /// Appends the fields that were not `seen` in the object which `out` ends with.
    fn push_missing(&self, seen: &[&str], out: &mut String) {
        for (name, change) in self.0.iter().filter(|(name, _)| !seen.contains(name)) {
            push_key(out, name);
            match change {
                Change::Value(json) => out.push_str(json),
                Change::Fields(fields) => fields.push_new(out),
            }
        }
    }
}

fn push_key(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(&json_string(name));
    out.push(':');
}

/// A string as JSON. Only maps with keys that are no strings fail to become JSON.
fn json_string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Follows a path of keys, skipping everything beside it, and hands what it finds to [`Rewrite`].
struct Descend<'e> {
    path: &'e [&'e str],
    edits: &'e Edits,
    out: &'e mut String,
}

impl<'de> DeserializeSeed<'de> for Descend<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            Rewrite { edits: self.edits, out: self.out }.deserialize(deserializer)
        } else {
            deserializer.deserialize_map(self)
        }
    }
}

impl<'de> Visitor<'de> for Descend<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((name, path)) = self.path.split_first() else { return Ok(()) };
        let mut found = false;
        while let Some(Key(key)) = entries.next_key_seed(KeySeed)? {
            if key == *name && !found {
                found = true;
                entries.next_value_seed(Descend { path, edits: self.edits, out: self.out })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom(format_args!("it has no field `{name}`"))) }
    }
}

/// Writes an object anew: what the edits name is changed, the rest is copied as text.
struct Rewrite<'e> {
    edits: &'e Edits,
    out: &'e mut String,
}

impl<'de> DeserializeSeed<'de> for Rewrite<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rewrite<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.edits.push_new(self.out);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        self.out.push('{');
        while let Some(Key(key)) = entries.next_key_seed(KeySeed)? {
            push_key(self.out, &key);
            match self.edits.0.iter().find(|(name, _)| *name == key) {
                None => self.out.push_str(entries.next_value::<&RawValue>()?.get()),
                Some((name, change)) => {
                    seen.push(*name);
                    match change {
                        Change::Value(json) => {
                            entries.next_value::<IgnoredAny>()?;
                            self.out.push_str(json);
                        }
                        Change::Fields(edits) => {
                            entries.next_value_seed(Rewrite { edits, out: self.out })?;
                        }
                    }
                }
            }
        }
        self.edits.push_missing(&seen, self.out);
        self.out.push('}');
        Ok(())
    }
}
