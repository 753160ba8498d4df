//! A list of names that may be long.

use std::fmt;

/// How many names are kept.
const SHOWN: usize = 5;

/// Names, of which only the first few are kept.
#[derive(Debug, Default)]
pub(super) struct Names {
    count: usize,
    first: Vec<String>,
}

impl Names {
    pub(super) fn push(&mut self, name: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(name());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
