//! How results are printed on standard output.

use std::fmt::Display;
use std::io::{self, Write};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::Serialize;

/// How to print: an argument of a command line.
///
/// ```
/// use local_registry_system::Output;
///
/// assert_eq!(Output::Text.line(&"a \"word\"")?, "a \"word\"");
/// assert_eq!(Output::Json.line(&"a \"word\"")?, r#""a \"word\"""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// For programs: an object a line.
    Json,
}

impl Output {
    /// A value as one line, without its end.
    ///
    /// # Errors
    /// If the value is none that JSON has.
    pub fn line(self, value: &(impl Serialize + Display)) -> serde_json::Result<String> {
        match self {
            Self::Text => Ok(value.to_string()),
            Self::Json => serde_json::to_string(value),
        }
    }
}

// Derived, it would show the documentation above in the help of each program.
impl ValueEnum for Output {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Text => "text",
            Self::Json => "json",
        }))
    }
}

/// Prints a line at once.
///
/// # Errors
/// If whoever reads it has gone away, say.
pub fn print_line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}
