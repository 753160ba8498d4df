//! Every string of a JSON text, without a tree of it in memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Shows every string of a JSON text: all values, and no keys.
///
/// # Errors
/// If the text is not JSON.
pub(crate) fn each_string(json: &str, mut show: impl FnMut(&str)) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    Strings(&mut show).deserialize(&mut reader)?;
    reader.end()
}

struct Strings<'s, F>(&'s mut F);

impl<'de, F: FnMut(&str)> DeserializeSeed<'de> for Strings<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&str)> Visitor<'de> for Strings<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Strings(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(Strings(&mut *self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_is_a_string_is_shown_and_no_key() {
        let json = r#"{"a": "one", "b": [1, -2, 3.5, null, true, {"c": "tw\"o", "c": ["three"]}], "d": ""}"#;
        let mut found = Vec::new();
        each_string(json, |text| found.push(text.to_owned())).unwrap();
        assert_eq!(found, ["one", "tw\"o", "three", ""]);
        for broken in ["", "{", r#"{"a": "one"} x"#] {
            assert!(each_string(broken, |_| ()).is_err(), "{broken}");
        }
    }
}
