//! A YAML value, of which only a few fields are kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

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
    Mapping(BTreeMap<&'static str, Spanned<YamlValue>>),
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
}

/// Reads a value: of a mapping only the fields of these names, of a string at most so many bytes.
#[derive(Clone, Copy)]
pub(super) struct FieldsOf<'a> {
    pub(super) names: &'a [&'static str],
    pub(super) longest: usize,
}

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FieldsOf { names: &[], longest: LONGEST_FIELD }.deserialize(deserializer)
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
        let mut fields = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            match self.names.iter().find(|name| **name == key) {
                Some(field) => drop(fields.insert(*field, entries.next_value()?)),
                None => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(YamlValue::Mapping(fields))
    }
}
