//! Values that others wrote, made safe and short enough for a message.

use std::fmt::{self, Write as _};

/// A value as messages show it: between backticks, with control and non-printable characters escaped, and cut after
/// [`Quoted::LONGEST`] characters.
///
/// Messages reach terminals and logs, and the value may be anything.
///
/// ```
/// use local_registry_core::text::Quoted;
///
/// assert_eq!(Quoted("team/app`\u{1b}").to_string(), r"`team/app\u{60}\u{1b}`");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted<'a>(pub &'a str);

impl Quoted<'_> {
    /// How many characters of the value are shown; `…` stands for the rest.
    pub const LONGEST: usize = 80;
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        write_escaped(f, self.0, Self::LONGEST, &['"', '\''])?;
        f.write_str("`")
    }
}

/// The first line of another program's error, escaped and cut after [`Excerpt::LONGEST`] characters.
///
/// ```
/// use local_registry_core::text::Excerpt;
///
/// assert_eq!(Excerpt("it's `gone`\nstack trace").to_string(), "it's `gone`");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excerpt<'a>(pub &'a str);

impl Excerpt<'_> {
    /// How many characters of the line are shown; `…` stands for the rest.
    pub const LONGEST: usize = 300;
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.0.lines().next().unwrap_or_default();
        write_escaped(f, line, Self::LONGEST, &['"', '\'', '`'])
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str, longest: usize, plain: &[char]) -> fmt::Result {
    for (index, character) in text.chars().enumerate() {
        if index == longest {
            return f.write_str("…");
        }
        match character {
            _ if plain.contains(&character) => f.write_char(character)?,
            // A backtick would end a quotation.
            '`' => f.write_str("\\u{60}")?,
            _ => write!(f, "{}", character.escape_debug())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: &str) {
        assert_eq!(Quoted(value).to_string(), expected);
    }

    #[test]
    fn plain_values_stay_as_they_are() {
        check("team/app:v1", "`team/app:v1`");
        check("", "``");
        check("it's \"here\"", "`it's \"here\"`");
    }

    #[test]
    fn nothing_reaches_the_terminal_unescaped() {
        check("a\nb\u{1b}[31m", r"`a\nb\u{1b}[31m`");
        check("a`b", r"`a\u{60}b`");
        check("a\u{202e}b", r"`a\u{202e}b`");
    }

    #[test]
    fn long_values_are_cut() {
        check(&"x".repeat(81), &format!("`{}…`", "x".repeat(80)));
        check(&"x".repeat(80), &format!("`{}`", "x".repeat(80)));
    }

    #[test]
    fn an_excerpt_is_one_line_and_short() {
        assert_eq!(Excerpt("it's `here`\nCaused by: more").to_string(), "it's `here`");
        assert_eq!(Excerpt("a\u{1b}[31mb").to_string(), r"a\u{1b}[31mb");
        assert_eq!(Excerpt(&"x".repeat(301)).to_string(), format!("{}…", "x".repeat(300)));
    }
}
