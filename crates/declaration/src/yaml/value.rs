//! A YAML value, of which only a few fields are kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::near_miss::resembles;
use crate::kep_1755::FIELDS;

/// How much of a field is kept, in bytes. No host or URL that is accepted is longer, so a field that was cut is refused,
/// as the whole field would have been.
const LONGEST_FIELD: usize = 4096;

/// A YAML value, as far as it matters here.
#[derive(Debug)]
pub(super) enum YamlValue {
    Null,
    Boolean,
    Number,
    String(String),
    List,
    Mapping(Fields),
}

/// What is kept of a mapping.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The fields that were asked for.
    pub(super) known: BTreeMap<&'static str, Spanned<YamlValue>>,
    /// Keys that are likely misspellings, each with the field.
    pub(super) misspelt: Vec<(String, &'static str)>,
    /// Keys with a mapping that has fields which were asked for, each with one of them.
    pub(super) nested: Vec<(String, &'static str)>,
    /// A key that is none of these.
    pub(super) other: Option<String>,
}

impl YamlValue {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String(_) => "a string",
            Self::List => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }

    /// The field that is in this value, if it is a mapping: the one with the longest name, which says most.
    fn field_below(&self) -> Option<&'static str> {
        let Self::Mapping(fields) = self else { return None };
        fields.known.keys().copied().max_by_key(|field| field.len())
    }

    /// Whether a field with this value is as if it were absent.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::String(text) => text.is_empty(),
            _ => false,
        }
    }
}

/// Reads a value: of a mapping only the fields of these names, of a string at most so many bytes.
#[derive(Clone, Copy)]
pub(super) struct FieldsOf<'a> {
    pub(super) names: &'a [&'static str],
    pub(super) longest: usize,
    /// Whether mappings below the value are read, too.
    pub(super) is_top: bool,
}

/// How many bytes of a key are kept, and how many keys of each kind, for messages.
const LONGEST_KEY: usize = 200;
const KEYS: usize = 3;

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FieldsOf { names: &FIELDS, longest: LONGEST_FIELD, is_top: false }.deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for FieldsOf<'_> {
    type Value = YamlValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<YamlValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldsOf<'_> {
    type Value = YamlValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<YamlValue, E> {
        Ok(YamlValue::Null)
    }

    fn visit_none<E>(self) -> Result<YamlValue, E> {
        Ok(YamlValue::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<YamlValue, E> {
        Ok(YamlValue::Boolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<YamlValue, E> {
        Ok(YamlValue::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<YamlValue, E> {
        let end = text.floor_char_boundary(self.longest);
        Ok(YamlValue::String(text.get(..end).unwrap_or_default().to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<YamlValue, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(YamlValue::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<YamlValue, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = entries.next_key::<String>()? {
            if let Some(field) = self.names.iter().find(|name| **name == key) {
                let value: Spanned<YamlValue> = entries.next_value()?;
                fields.nested.extend(value.value.field_below().map(|below| (key, below)));
                fields.known.insert(field, value);
                continue;
            }
            let key = cut(&key);
            if let Some(field) = self.names.iter().find(|name| resembles(&key, name)) {
                entries.next_value::<IgnoredAny>()?;
                fields.misspelt.push((key, field));
            } else if let Some(field) = self.next_nested(&mut entries)? {
                fields.nested.push((key, field));
            } else {
                fields.other.get_or_insert(key);
            }
            fields.misspelt.truncate(KEYS);
            fields.nested.truncate(KEYS);
        }
        Ok(YamlValue::Mapping(fields))
    }
}

impl FieldsOf<'_> {
    /// One of the fields, if the next value is a mapping that has it.
    fn next_nested<'de, A: MapAccess<'de>>(self, entries: &mut A) -> Result<Option<&'static str>, A::Error> {
        if !self.is_top {
            entries.next_value::<IgnoredAny>()?;
            return Ok(None);
        }
        let below = FieldsOf { longest: LONGEST_FIELD, is_top: false, ..self };
        Ok(entries.next_value_seed(below)?.field_below())
    }
}

fn cut(key: &str) -> String {
    key.get(..key.floor_char_boundary(LONGEST_KEY)).unwrap_or_default().to_owned()
}
