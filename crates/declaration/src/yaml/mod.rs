//! One value of the ConfigMap as YAML: the fields that are asked for.
//!
//! All other fields are skipped and not stored. Limits keep what the parser itself allocates far below a pod's memory.

mod error;
mod near_miss;
mod value;

use std::collections::BTreeMap;

use serde::de::DeserializeSeed;
use serde_saphyr::Options;
use serde_saphyr::options::AliasLimits;

pub(super) use self::error::YamlError;
use self::error::{FoundInstead, YamlErrorKind};
use self::near_miss::LONG;
use self::value::{Fields, FieldsOf, YamlValue};

/// A string, and the line that it is on, counted from 1.
pub(super) struct Field {
    pub(super) text: String,
    pub(super) line: Option<u64>,
}

/// Reads the fields of that name that the value has: each with its text, or with what is wrong with it alone. An empty field
/// and one without a value are absent, as KEP-1755's `omitempty` says.
///
/// # Errors
/// A [`YamlError`] if the value is not a mapping, has none of the fields, or one that is likely a misspelling.
pub(super) fn fields(
    text: &str,
    names: &[&'static str],
) -> Result<BTreeMap<&'static str, Result<Field, YamlError>>, YamlError> {
    let fields = match parse(text, names) {
        Ok(YamlValue::Mapping(fields)) => fields,
        Ok(YamlValue::Null) => return Err(YamlErrorKind::Empty.on(None)),
        Ok(YamlValue::String(text))
            if parse(&text, names).is_ok_and(|value| matches!(value, YamlValue::Mapping(_))) =>
        {
            return Err(YamlErrorKind::EncodedTwice.on(None));
        }
        Ok(other) => return Err(YamlErrorKind::NotAMapping(other.kind()).on(None)),
        Err(error) => return Err(error.without_snippet().into()),
    };
    check_keys(&fields)?;
    let mut found = BTreeMap::new();
    for (field, entry) in fields.known {
        let line = Some(entry.referenced.line());
        match entry.value {
            empty if empty.is_empty() => {}
            YamlValue::String(text) => drop(found.insert(field, Ok(Field { text, line }))),
            other => {
                let error = YamlErrorKind::NotAString { field, found: other.kind() }.on(line);
                found.insert(field, Err(error));
            }
        }
    }
    Ok(found)
}

/// A field that is not where it should be would otherwise take a registry away that works.
fn check_keys(fields: &Fields) -> Result<(), YamlError> {
    let is_absent = |field: &str| fields.known.get(field).is_none_or(|entry| entry.value.is_empty());
    if let Some((found, field)) = fields.misspelt.iter().find(|(_, field)| is_absent(field)) {
        return Err(YamlErrorKind::Misspelt { found: found.clone(), field }.on(None));
    }
    let has_none = fields.known.values().all(|entry| entry.value.is_empty());
    // A short name is one of many other things, too.
    let is_displaced = |field: &str| is_absent(field) && (has_none || field.len() >= LONG);
    if let Some((below, field)) = fields.nested.iter().find(|(_, field)| is_displaced(field)) {
        return Err(YamlErrorKind::Nested { below: below.clone(), field }.on(None));
    }
    if !has_none {
        return Ok(());
    }
    let found = match (fields.known.keys().next(), &fields.other) {
        (Some(empty), _) => FoundInstead::Empty((*empty).to_owned()),
        (None, Some(other)) => FoundInstead::Other(other.clone()),
        (None, None) => FoundInstead::Nothing,
    };
    Err(YamlErrorKind::NoField(found).on(None))
}

fn parse(text: &str, names: &[&'static str]) -> Result<YamlValue, serde_saphyr::Error> {
    let seed = FieldsOf { names, longest: text.len(), is_top: true };
    serde_saphyr::with_deserializer_from_str_with_options(text, limits(), |yaml| seed.deserialize(yaml))
}

/// Limits of what a value may expand to. A declaration has four fields, and these allow a hundred times that.
fn limits() -> Options {
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = 500;
    alias_limits.max_replay_stack_depth = 8;
    alias_limits.max_alias_expansions_per_anchor = 16;
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 5_000,
            max_nodes: 2_000,
            max_depth: 32,
            flow_nesting_limit: 32,
            max_aliases: 16,
            max_anchors: 16,
            max_merge_keys: 16,
            max_recorded_anchor_events: 500,
            max_recorded_anchor_bytes: 16 * 1024,
            max_total_scalar_bytes: 64 * 1024,
        },
        alias_limits: alias_limits,
        emit_comments: false,
        with_snippet: false,
    }
}
