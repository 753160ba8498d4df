//! What the sender of an accepted request is told.

use std::fmt;

/// A warning about an accepted request. kubectl prints each on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(String);

impl Warning {
    pub(crate) fn new(message: &impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
