//! Whole numbers that may be written as texts.

use serde::Deserialize;

/// A whole number. JSON by Protocol Buffers has those of 64 bits as texts, and leaves out a zero.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Whole(pub(crate) u64);

/// How it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl TryFrom<Written> for Whole {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => text.parse().map(Self).map_err(|_| "a text is not a whole number"),
        }
    }
}
