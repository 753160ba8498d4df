//! Whole numbers that may be written as texts.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A whole number. JSON by Protocol Buffers has those of 64 bits as texts, and leaves out a zero.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Whole(pub(crate) u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An untagged enum would keep whatever is there until it has tried all of its forms: a list may have a million values.
        deserializer.deserialize_any(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Whole, E> {
        text.parse().map(Whole).map_err(|_| E::custom("a text is not a whole number"))
    }
}
