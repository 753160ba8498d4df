//! One value of the ConfigMap as YAML: the fields that are asked for, and what is wrong with the rest.
//!
//! Fields that nobody asks for are skipped and stored nowhere. What the parser itself may use is
//! limited far below what a pod may.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::AliasLimits;
use serde_saphyr::{Options, Spanned};

/// How much of a field is kept, in bytes: more than any host or URL that is used has, so that what was
/// cut is refused as what was not.
const LONGEST_FIELD: usize = 4096;

/// A line that declares a registry.
const EXAMPLE: &str = "`hostFromClusterNetwork: \"kind-registry:5000\"`";

/// A problem, and the line that it is in, counted from 1, where that is known.
pub(crate) type Fault = (Option<u64>, Problem);

/// Why a value is no mapping of texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the value is empty; write a declaration, as in {EXAMPLE}, or delete the ConfigMap")]
    Empty,
    #[error("the value is not valid YAML ({0}); mend it, or write the declaration anew, as in {EXAMPLE}")]
    Yaml(String),
    #[error("the value has several YAML documents; write one, without `---`")]
    Documents,
    #[error("a key stands twice; write each once")]
    DuplicateKey,
    #[error("the value expands to more than a declaration ever needs; write it without aliases and deep nesting")]
    TooMuch,
    #[error("the value is a text that holds YAML itself, so it was encoded twice; leave out the outer quotes")]
    EncodedTwice,
    #[error("the value is {0}; expected fields, as in {EXAMPLE}")]
    NotAMapping(&'static str),
    #[error("{field}: found nothing; write a text, or leave the line out")]
    Null { field: &'static str },
    #[error("{field}: found {found}; expected a text; write it in quotes")]
    NotAText { field: &'static str, found: &'static str },
}

/// The texts of those fields that the value has, with the line of each. The first that is no text is a fault.
pub(crate) fn fields(
    text: &str,
    wanted: &[&'static str],
) -> Result<BTreeMap<&'static str, (Option<u64>, String)>, Fault> {
    let entries = match parse(text, wanted) {
        Ok(Value::Mapping(entries)) => entries,
        Ok(Value::Null) => return Err((None, Problem::Empty)),
        Ok(Value::Text(text)) if parse(&text, wanted).is_ok_and(|value| matches!(value, Value::Mapping(_))) => {
            return Err((None, Problem::EncodedTwice));
        }
        Ok(other) => return Err((None, Problem::NotAMapping(other.kind()))),
        Err(error) => return Err(explain(error.without_snippet())),
    };
    let mut texts = BTreeMap::new();
    for field in wanted {
        let Some(value) = entries.get(field) else { continue };
        let line = Some(value.referenced.line());
        match &value.value {
            Value::Text(text) => texts.insert(*field, (line, text.clone())),
            Value::Null => return Err((line, Problem::Null { field })),
            other => return Err((line, Problem::NotAText { field, found: other.kind() })),
        };
    }
    Ok(texts)
}

fn parse(text: &str, wanted: &[&'static str]) -> Result<Value, serde_saphyr::Error> {
    let document = Document { wanted, longest: text.len() };
    serde_saphyr::with_deserializer_from_str_with_options(text, limits(), |yaml| document.deserialize(yaml))
}

/// A declaration has four fields; these leave room for a hundred times that.
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

/// The library's errors in our own words, where it speaks to programmers.
fn explain(error: &serde_saphyr::Error) -> Fault {
    use serde_saphyr::Error;
    let problem = match error {
        Error::MultipleDocuments { .. } => Problem::Documents,
        Error::DuplicateMappingKey { .. } => Problem::DuplicateKey,
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. }
        | Error::AliasError { .. } => Problem::TooMuch,
        _ if error.to_string().starts_with("recursion limit exceeded") => Problem::TooMuch,
        other => {
            let text = other.to_string();
            Problem::Yaml(text.split(" at line ").next().unwrap_or(&text).to_owned())
        }
    };
    (error.location().map(|location| location.line()), problem)
}

/// A YAML value, as far as it matters here.
#[derive(Debug)]
enum Value {
    Null,
    Boolean,
    Number,
    Text(String),
    List,
    Mapping(BTreeMap<&'static str, Spanned<Value>>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text(_) => "a text",
            Self::List => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Reads a value: of a mapping only the fields that are wanted, and of a text not more than so many bytes.
#[derive(Clone, Copy)]
struct Document<'a> {
    wanted: &'a [&'static str],
    longest: usize,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Document { wanted: &[], longest: LONGEST_FIELD }.deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Boolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        let end = text.floor_char_boundary(self.longest);
        Ok(Value::Text(text.get(..end).unwrap_or_default().to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            match self.wanted.iter().find(|wanted| **wanted == key) {
                Some(field) => drop(fields.insert(*field, entries.next_value()?)),
                None => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Value::Mapping(fields))
    }
}
