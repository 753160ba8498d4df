//! JSON that has only one reading.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use local_registry_core::Quoted;
use local_registry_core::text::Excerpt;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// Reads a value. A key that an object has twice is an error, at any depth: of two such values, one reader takes the first,
/// and another one the last.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice::<Distinct>(bytes)?;
    Ok(serde_json::from_slice(bytes)?)
}

/// Why a text is not the JSON that is expected. Quotes no more than an excerpt of it.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct JsonError(String);

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self(Excerpt(&error.to_string()).to_string())
    }
}

/// Any value whose objects have each key once.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Distinct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Distinct, A::Error> {
        // Eight bytes for each, since nobody has verified yet who wrote them, and there may be a million. Two keys of one hash would
        // count as the same, which refuses the whole.
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let mut hasher = DefaultHasher::new();
            key.hash(&mut hasher);
            if !keys.insert(hasher.finish()) {
                return Err(A::Error::custom(format!("the key {} is there twice", Quoted(&key))));
            }
            map.next_value::<Distinct>()?;
        }
        Ok(Distinct)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Distinct, A::Error> {
        while items.next_element::<Distinct>()?.is_some() {}
        Ok(Distinct)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_str<E>(self, _: &str) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_unit<E>(self) -> Result<Distinct, E> {
        Ok(Distinct)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn values_are_read_as_they_are() {
        let value = json!({"a": [1, -1, 1.5, true, null, "text", {"a": {}}], "b": {"a": []}});
        assert_eq!(read_json::<Value>(value.to_string().as_bytes()), Ok(value));
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(read_json::<Value>(text.as_bytes()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_key_may_not_be_there_twice() {
        check(r#"{"a": 1, "b": 2, "a": 3}"#, "the key `a` is there twice at line 1 column 20");
        // However it is written, and wherever it is.
        check(r#"[{"b": [{"a": 1, "\u0061": 1}]}]"#, "the key `a` is there twice at line 1 column 25");
    }

    #[test]
    fn what_is_not_json_is_refused_with_an_excerpt() {
        check("", "EOF while parsing a value at line 1 column 0");
        check("{} {}", "trailing characters at line 1 column 4");
        check(&"[".repeat(10_000), "recursion limit exceeded at line 1 column 128");
        let text = json!("x".repeat(10_000)).to_string();
        assert!(read_json::<u64>(text.as_bytes()).unwrap_err().to_string().chars().count() <= Excerpt::LONGEST + 1);
    }
}
