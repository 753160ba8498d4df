//! Bytes in base64.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Bytes that a text has in base64, by the standard alphabet and with padding.
///
/// Only one text stands for the same bytes, so to print is to give back what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl Base64 {
    /// The bytes, or `None` if the text is not base64.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().map(Self)
    }
}

impl fmt::Display for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64Visitor)
    }
}

struct Base64Visitor;

impl Visitor<'_> for Base64Visitor {
    type Value = Base64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Base64, E> {
        Base64::parse(text).ok_or_else(|| E::custom("a text is not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_text_stands_for_the_same_bytes() {
        assert_eq!(Base64::parse("AQ==").unwrap().to_string(), "AQ==");
        // Other bits in the last digit, no padding, the alphabet for URLs, and white space.
        for text in ["AR==", "AQ", "_w==", "AQ==\n", " AQ=="] {
            assert_eq!(Base64::parse(text), None, "{text}");
        }
    }
}
